"""What is kept of a task's questions: every term with its count, in a file that is checked."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.consolidation.words import WORDS, count_words, read_words, write_words
from continual_vqa.errors import UserError
from continual_vqa.files.parquet import write_table
from oracles.naive_bayes_reference import terms

QUESTIONS = st.lists(st.text("ab '?", max_size=12), max_size=10)


@given(QUESTIONS)
def test_every_term_is_counted(questions: list[str]) -> None:
    words = count_words("color", pa.array(questions, pa.string()))
    counted = dict(zip(words.terms.to_pylist(), words.occurrences.tolist(), strict=True))
    assert counted == Counter(term for question in questions for term in terms(question))
    assert words.terms.to_pylist() == sorted(counted)
    assert words.questions == len(questions)


def test_a_file_says_what_was_written_whatever_the_order_of_the_questions(tmp_path: Path) -> None:
    questions = ["What color is it?", "what color?", "?"]
    for name, asked in (("one", questions), ("other", questions[::-1])):
        write_words(tmp_path / name, count_words("color.G1", pa.array(asked)))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    words, counted = read_words(tmp_path / "one"), count_words("color.G1", pa.array(questions))
    assert (words.task, words.questions) == ("color.G1", 3)
    assert words.terms.equals(counted.terms)
    assert words.occurrences.tolist() == counted.occurrences.tolist()


NOTE = {"task": "color", "questions": "2"}


@pytest.mark.parametrize(
    ("rows", "note", "message"),
    [
        ([("a", 1), ("a", 2)], NOTE, "counts a term twice"),
        ([("a", 1), ("b", 0)], NOTE, "count below 1"),
        ([("a", None)], NOTE, "empty entries"),
        ([(None, 1)], NOTE, "empty entries"),
        ([("a", 1)], {"task": "color"}, "does not say of which task"),
        ([("a", 1)], {"questions": "2"}, "does not say of which task"),
        ([("a", 1)], {"task": "color", "questions": "-2"}, "does not say of which task"),
        ([("a", 1)], {"task": "color", "questions": "9" * 5000}, "does not say of which task"),
    ],
)
def test_a_file_that_cannot_be_is_refused(
    tmp_path: Path, rows: list[tuple], note: dict[str, str], message: str
) -> None:
    path = tmp_path / "words.parquet"
    named = [dict(zip(WORDS.names, row, strict=True)) for row in rows]
    write_table(path, pa.Table.from_pylist(named, WORDS), WORDS, note=note)
    with pytest.raises(UserError, match=f"words.parquet.*{message}"):
        read_words(path)
