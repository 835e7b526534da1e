"""The terms of a question: its words and its openings."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.data.words import terms_of, words_of
from oracles.naive_bayes_reference import terms

QUESTIONS = st.text("aB3' ?!.-", max_size=20)


def found(questions: list[str]) -> list[list[str]]:
    owners, named = terms_of(pa.array(questions, pa.string()))
    several: list[list[str]] = [[] for _ in questions]
    for owner, term in zip(owners.tolist(), named.to_pylist(), strict=True):
        several[owner].append(term)
    return several


def test_words_are_lower_case_and_keep_their_apostrophes() -> None:
    questions = pa.array(["What's the CAFÉ's color -- red?", "  3 dogs", "?!", ""])
    assert words_of(questions).to_pylist() == [
        ["what's", "the", "café's", "color", "red"],
        ["3", "dogs"],
        [""],
        [""],
    ]


def test_a_question_has_its_words_and_its_openings() -> None:
    assert found(["What color is it?", "What now?", "Why?", "?"]) == [
        ["what", "color", "is", "it", "what color", "what color is"],
        ["what", "now", "what now"],
        ["why"],
        [],
    ]


@given(st.lists(QUESTIONS, max_size=8))
def test_terms_are_those_of_each_question_alone(questions: list[str]) -> None:
    assert found(questions) == [terms(question) for question in questions]
