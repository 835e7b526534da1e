"""The words of a task's training questions: all that telling tasks apart keeps of them.

A file is made of one task's own cells and never changes: after step s the tasks 1 to s are told
apart by their s files, without any earlier question.
"""

from __future__ import annotations

# pyarrow makes the functions of `compute` when imported, out of a type checker's sight.
# pyright: reportAttributeAccessIssue=false
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.data.tables import flat
from continual_vqa.data.words import terms_of
from continual_vqa.errors import UserError
from continual_vqa.files.parquet import read_note, read_table, write_table
from continual_vqa.shards import arrow

# One row per term (`data.words.terms_of`), sorted.
WORDS = pa.schema(
    [
        pa.field("term", pa.string()),
        pa.field("occurrences", pa.int64()),  # in all training questions of the task
    ]
)
_NUMBER = re.compile(r"[0-9]{1,15}")
_AGAIN = "count the words of the task again"


@dataclass(frozen=True, eq=False)
class TaskWords:
    """What is kept of one task.

    Attributes
    ----------
    task : its name
    questions : how many training questions it has
    terms : string [terms], each once
    occurrences : int64 [terms], how often the task's training questions have each, at least once
    """

    task: str
    questions: int
    terms: pa.Array
    occurrences: np.ndarray


def count_words(task: str, questions: pa.Array | pa.ChunkedArray) -> TaskWords:
    """The words of a task whose training questions are given."""
    counted = pc.value_counts(terms_of(questions)[1])
    order = pc.sort_indices(counted.field("values"))
    occurrences = arrow.to_numpy(counted.field("counts").take(order))
    return TaskWords(task, len(questions), counted.field("values").take(order), occurrences)


def write_words(path: str | Path, words: TaskWords) -> None:
    """Write one task's words; the note names the task and its number of questions."""
    columns = [words.terms, arrow.numbers(words.occurrences)]
    table = pa.Table.from_arrays(columns, schema=WORDS)
    note = {"task": words.task, "questions": str(words.questions)}
    write_table(path, table, WORDS, note=note)


def read_words(path: str | Path) -> TaskWords:
    """The words of one task.

    Raises
    ------
    UserError : a missing or damaged file, another table, or counts that cannot be
    """
    table, note = read_table(path, WORDS), read_note(path)
    task, questions = note.get("task", ""), note.get("questions", "")
    if not task or not _NUMBER.fullmatch(questions):
        raise UserError("does not say of which task it is", where=path, do=_AGAIN)
    if any(table[name].null_count for name in WORDS.names):
        raise UserError("has empty entries", where=path, do=_AGAIN)
    terms, occurrences = flat(table["term"]), arrow.to_numpy(table["occurrences"])
    if len(terms) != len(pc.unique(terms)):
        raise UserError("counts a term twice", where=path, expected="each once", do=_AGAIN)
    if len(occurrences) and occurrences.min() < 1:
        raise UserError("has a count below 1", where=path, expected="1 or more", do=_AGAIN)
    return TaskWords(task, int(questions), terms, occurrences)
