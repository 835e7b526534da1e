"""NLVR2: is a sentence true of two images? (Suhr et al. 2019, github lil-lab/nlvr)

Official files: {train,dev,test1}.json (JSON lines), and images <split>-<set>-<pair>-img0.png (the
left one) and -img1.png, in folders of their own. A pair's sentences share its identifier up to the
last number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from continual_vqa.data.problems import Problems
from continual_vqa.data.records import (
    BadRecord,
    Row,
    line_records,
    text,
)

SUBSETS = ("train", "dev", "test1", "test2")
_IDENTIFIER = re.compile(r"(?P<pair>[a-z0-9]+-\d+-\d+)-\d+")
_LABELS = {"True": "true", "False": "false"}


def read_nlvr2(
    questions: Sequence[str | Path], annotations: Sequence[str | Path], problems: Problems
) -> pa.Table:
    """The sentences as questions about a pair of images; the answer is true or false.

    See `records.Reader`.

    Raises
    ------
    UserError : a file is missing, damaged as a whole or named otherwise
    """
    return line_records(questions, annotations, problems, name="NLVR2", subsets=SUBSETS, row=_row)


def _row(_subset: str, record: object) -> Row:
    identifier, label = text(record, "identifier"), text(record, "label")
    found = _IDENTIFIER.fullmatch(identifier)
    if found is None:
        raise BadRecord(f"'identifier' {identifier[:60]!r} is not of the form train-1-2-3")
    if label not in _LABELS:
        raise BadRecord(f"'label' {label[:20]!r} is neither True nor False")
    return Row(
        question_id=identifier,
        question=text(record, "sentence"),
        answer=_LABELS[label],
        image_id=found["pair"],
        image_name=f"{found['pair']}-img0.png",
        second_image_name=f"{found['pair']}-img1.png",
    )
