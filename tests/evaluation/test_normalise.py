from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.evaluation.normalise import clean, normalise
from oracles import official_vqa

WORDS = sorted(
    {
        *official_vqa.CONTRACTIONS,
        *official_vqa.CONTRACTIONS.values(),
        *official_vqa.NUMBERS,
        *official_vqa.ARTICLES,
        *"red Red 1,000 3.5 1. .5 U.S.A. 2,3;4 a/b t-shirt shes somebody'd İstanbul ٣,٣".split(),
    }
)
MARKS = st.sampled_from([*official_vqa.PUNCTUATION, ".", "'", ":", " ", "\n", "\t", ""])
ANSWERS = st.one_of(
    st.lists(st.tuples(MARKS, st.sampled_from(WORDS), MARKS)).map(
        lambda parts: " ".join("".join(part) for part in parts)
    ),
    st.text(alphabet=" .,;/'-?19aZ\n", max_size=30),
    st.text(max_size=20),
)


def official(text):
    return official_vqa.numbers_and_articles(official_vqa.punctuation(text))


@given(ANSWERS)
def test_equals_the_straight_rule(answer):
    assert clean(answer) == official_vqa.clean(answer)
    assert normalise(clean(answer)) == official(official_vqa.clean(answer))


def test_every_contraction_number_and_article():
    for word in WORDS:
        assert normalise(word) == official(word), word


def test_published_quirks():
    assert normalise("1,000") == "1000"
    assert normalise("red,blue") == "red blue"
    assert normalise("red, blue") == "red blue"
    assert normalise("a-b -c") == "ab c"
    assert normalise("3.5") == "3.5"
    assert normalise("3.") == "3"
    assert normalise("none") == "0"
    assert normalise("." * 33) == "."
    assert normalise("the") == ""
    assert normalise("somebody'd") == "somebodyd"
