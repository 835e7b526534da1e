from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.backbones.tokens import Words, padded, train_words
from continual_vqa.errors import UserError

TEXTS = ["What color is the cat?", "black and white", "yes", "t-shirt", "man's", "10:30"]


def test_special_tokens_are_those_of_t5() -> None:
    words = train_words(TEXTS)
    assert (words.pad, words.end) == (0, 1)
    assert words.encode(["zebra"])[0].tolist() == [2, 1]


@given(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4))
def test_answers_survive_coding(texts: list[str]) -> None:
    words = train_words(TEXTS)
    answers = [text for text in texts if not text.endswith("?")]
    assert words.decode([row.tolist() for row in words.encode(answers)]) == answers


def test_case_and_final_punctuation_do_not_matter() -> None:
    words = train_words(TEXTS)
    (one, two) = words.encode(["what color is the CAT ?", "What color is the cat?"])
    assert one.tolist() == two.tolist()
    assert 2 not in one


def test_the_prompt_is_known() -> None:
    words = train_words(["cat"])
    assert 2 not in words.encode(["vqa: cat"])[0]


def test_vocabulary_does_not_depend_on_the_order_of_texts() -> None:
    assert train_words(TEXTS).content == train_words(TEXTS[::-1]).content


def test_padded() -> None:
    rows = [np.array([3, 1]), np.array([4, 5, 1])]
    assert padded(rows, 0).tolist() == [[3, 1, 0], [4, 5, 1]]
    assert padded([], 0).shape == (0, 0)


@pytest.mark.parametrize("content", ["{}", "no json", '{"model": 3}'])
def test_a_damaged_tokenizer_is_refused(content: str) -> None:
    with pytest.raises(UserError, match=r"tokenizer\.json"):
        Words(content, "tokenizer.json")


def plain_tokenizer(*names: str) -> str:
    from tokenizers import Tokenizer, models

    vocabulary = {name: number for number, name in enumerate(names)}
    return Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>")).to_str()


def test_a_text_is_closed_even_where_the_tokenizer_does_not() -> None:
    words = Words(plain_tokenizer("<pad>", "</s>", "<unk>", "<s>", "cat"), "tokenizer.json")
    assert words.encode(["cat"])[0].tolist() == [4, words.end]
    assert (words.begin, train_words(["cat"]).begin) == (3, None)


def test_gemmas_marks_are_found_though_html_has_those_of_t5() -> None:
    names = ("<pad>", "<eos>", "<bos>", "<unk>", "<s>", "</s>", "cat")
    words = Words(plain_tokenizer(*names), "tokenizer.json")
    assert (words.pad, words.end, words.begin) == (0, 1, 2)
    assert words.encode(["cat"])[0].tolist() == [6, 1]


def test_a_tokenizer_without_end_mark_is_refused() -> None:
    with pytest.raises(UserError, match="</s>"):
        Words(plain_tokenizer("<pad>", "<unk>"), "tokenizer.json")


def test_a_special_token_is_added_once_and_stands_alone() -> None:
    words = train_words(["cat"]).with_special("<image>")
    assert words.plain(["<image> cat"]) == [[words.special("<image>"), *words.plain(["cat"])[0]]]
    assert words.size == train_words(["cat"]).size + 1
    assert words.with_special("<image>") is words


def test_rows_are_padded_on_the_left_when_asked() -> None:
    assert padded([np.array([3]), np.array([4, 5])], 0, left=True).tolist() == [[0, 3], [4, 5]]
