"""PIQA: which of two solutions reaches a goal? (Bisk et al. 2020) Text only.

Official files: {train,valid}.jsonl with goal, sol1 and sol2; {train,valid}-labels.lst with 0 or 1
in the same line. A question has no id of its own: it gets that of its subset and line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

import pyarrow as pa

from continual_vqa.data.problems import Problems
from continual_vqa.data.records import BadRecord, Row, gather, json_lines, lines, subset_of, text
from continual_vqa.errors import UserError

SUBSETS = ("train", "valid")
_LABELS = {"0": "sol1", "1": "sol2"}


def read_piqa(
    questions: Sequence[str | Path], annotations: Sequence[str | Path], problems: Problems
) -> pa.Table:
    """The goals as questions; the answer is the text of the better solution.

    See `records.Reader`.

    Raises
    ------
    UserError : a file is missing, damaged as a whole or named otherwise, or has no partner
    """
    labels = {subset_of(path, SUBSETS): path for path in annotations}
    files = []
    for path in questions:
        subset = subset_of(path, SUBSETS)
        if subset not in labels:
            raise UserError("has no labels", where=path, expected=f"a file {subset}-labels.lst")
        files.append((path, subset, _labelled(path, labels[subset], problems)))
    return gather(files, _row, problems)


def _labelled(
    path: str | Path, labels: str | Path, problems: Problems
) -> Iterator[tuple[str, object]]:
    """Each record with its line's number and label; labels without a question are counted."""
    more = 0
    for question, label in zip_longest(json_lines(path), lines(labels)):
        if question is None:
            more += 1
            continue
        name, record = question
        bad = isinstance(record, BadRecord)
        yield name, record if bad else (name, record, None if label is None else label[1])
    problems.add("orphan_annotations", labels, [f"the last {more:,} lines"] if more else [], more)


def _row(subset: str, numbered: tuple[str, object, object]) -> Row:
    name, record, label = numbered
    if label is None:
        raise BadRecord("has no label", "missing_annotations")
    solution = _LABELS.get(label.strip()) if isinstance(label, str) else None
    if solution is None:
        raise BadRecord(f"its label is {str(label).strip()[:20]!r}, neither 0 nor 1")
    number = name.removeprefix("line ").replace(",", "")
    return Row(
        question_id=f"{subset}-{number}",
        question=text(record, "goal"),
        answer=text(record, solution),
        choices=tuple(text(record, each) for each in _LABELS.values()),
    )
