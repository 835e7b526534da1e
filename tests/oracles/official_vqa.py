"""The official VQA accuracy, written straight from its published description: slow and obvious.

An oracle for the tests and the straight peer of the scoring benchmark. Each answer is treated on
its own, nothing is shared or cached, exactly as the official evaluation proceeds:

- newlines and tabs become blanks, then the answer is stripped;
- only when the (ten) answers of a question are not all equal, they and the prediction go through
  punctuation, then through numbers, articles and contractions;
- every annotator is left out once: min(1, equal answers among the others / 3), averaged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

PUNCTUATION = list(';/[]"{}()=+\\_-><@`,?!')
# The period rule was meant as "not between digits"; as published it removes every period that no
# digit follows, and at most 32 of them (the flag re.UNICODE is passed in the place of the count).
PERIOD = re.compile(r"(?!<=\d)(\.)(?!\d)")
MOST_PERIODS = int(re.UNICODE)
COMMA_IN_NUMBER = re.compile(r"(\d)(\,)(\d)")
NUMBERS = {
    "none": "0", "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5",
    "six": "6", "seven": "7", "eight": "8", "nine": "9", "ten": "10",
}  # fmt: skip
ARTICLES = ["a", "an", "the"]
CONTRACTIONS = dict(
    pair.split(">")
    for pair in """
    aint>ain't arent>aren't cant>can't couldve>could've couldnt>couldn't couldn'tve>couldn't've
    couldnt've>couldn't've didnt>didn't doesnt>doesn't dont>don't hadnt>hadn't hadnt've>hadn't've
    hadn'tve>hadn't've hasnt>hasn't havent>haven't hed>he'd hed've>he'd've he'dve>he'd've hes>he's
    howd>how'd howll>how'll hows>how's Id've>I'd've I'dve>I'd've Im>I'm Ive>I've isnt>isn't itd>it'd
    itd've>it'd've it'dve>it'd've itll>it'll let's>let's maam>ma'am mightnt>mightn't
    mightnt've>mightn't've mightn'tve>mightn't've mightve>might've mustnt>mustn't mustve>must've
    neednt>needn't notve>not've oclock>o'clock oughtnt>oughtn't ow's'at>'ow's'at 'ows'at>'ow's'at
    'ow'sat>'ow's'at shant>shan't shed've>she'd've she'dve>she'd've she's>she's shouldve>should've
    shouldnt>shouldn't shouldnt've>shouldn't've shouldn'tve>shouldn't've somebody'd>somebodyd
    somebodyd've>somebody'd've somebody'dve>somebody'd've somebodyll>somebody'll
    somebodys>somebody's someoned>someone'd someoned've>someone'd've someone'dve>someone'd've
    someonell>someone'll someones>someone's somethingd>something'd somethingd've>something'd've
    something'dve>something'd've somethingll>something'll thats>that's thered>there'd
    thered've>there'd've there'dve>there'd've therere>there're theres>there's theyd>they'd
    theyd've>they'd've they'dve>they'd've theyll>they'll theyre>they're theyve>they've twas>'twas
    wasnt>wasn't wed've>we'd've we'dve>we'd've weve>we've werent>weren't whatll>what'll
    whatre>what're whats>what's whatve>what've whens>when's whered>where'd wheres>where's
    whereve>where've whod>who'd whod've>who'd've who'dve>who'd've wholl>who'll whos>who's
    whove>who've whyll>why'll whyre>why're whys>why's wont>won't wouldve>would've wouldnt>wouldn't
    wouldnt've>wouldn't've wouldn'tve>wouldn't've yall>y'all yall'll>y'all'll y'allll>y'all'll
    yall'd've>y'all'd've y'alld've>y'all'd've y'all'dve>y'all'd've youd>you'd youd've>you'd've
    you'dve>you'd've youll>you'll youre>you're youve>you've
    """.split()
)


def clean(answer: str) -> str:
    return answer.replace("\n", " ").replace("\t", " ").strip()


def punctuation(answer: str) -> str:
    out = answer
    for mark in PUNCTUATION:
        beside_blank = mark + " " in answer or " " + mark in answer
        if beside_blank or re.search(COMMA_IN_NUMBER, answer) is not None:
            out = out.replace(mark, "")
        else:
            out = out.replace(mark, " ")
    return PERIOD.sub("", out, count=MOST_PERIODS)


def numbers_and_articles(answer: str) -> str:
    words = []
    for word in answer.lower().split():
        word = NUMBERS.get(word, word)
        if word not in ARTICLES:
            words.append(word)
    for position, word in enumerate(words):
        if word in CONTRACTIONS:
            words[position] = CONTRACTIONS[word]
    return " ".join(words)


def accuracy(prediction: str, records: Sequence[Mapping], normalise=None) -> float:
    """Accuracy in [0, 1] of `prediction`, given the annotators' records of an official file.

    The other annotators are the records that differ from the one left out, as official records do
    by their `answer_id`.
    """
    normalise = normalise or (lambda text: numbers_and_articles(punctuation(text)))
    truth = [{**record, "answer": clean(record["answer"])} for record in records]
    predicted = clean(prediction)
    if len({record["answer"] for record in truth}) > 1:
        for record in truth:
            record["answer"] = normalise(record["answer"])
        predicted = normalise(predicted)
    scores = []
    for left_out in truth:
        others = [record for record in truth if record != left_out]
        equal = [record for record in others if record["answer"] == predicted]
        scores.append(min(1, float(len(equal)) / 3))
    return float(sum(scores)) / len(scores)


def as_records(answers: Sequence[str]) -> list[dict]:
    """Answers as the records of an official annotation."""
    return [
        {"answer": answer, "answer_confidence": "yes", "answer_id": place}
        for place, answer in enumerate(answers, 1)
    ]


def evaluate(results: Mapping, annotations: Mapping) -> dict:
    """question id -> accuracy in percent, rounded to two digits as the official evaluation does."""
    return {
        question: round(100 * accuracy(answer, annotations[question]["answers"]), 2)
        for question, answer in results.items()
    }
