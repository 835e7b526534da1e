"""SNLI-VE: does an image entail a sentence? (Xie et al. 2019, github necla-ml/SNLI-VE)

Official files: snli_ve_{train,dev,test}.jsonl, and Flickr30k's images by their number. The premise
(the image's caption in SNLI) is not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from continual_vqa.data.problems import Problems
from continual_vqa.data.records import (
    BadRecord,
    Row,
    file_stem,
    line_records,
    text,
)

LABELS = ("entailment", "neutral", "contradiction")
SUBSETS = ("train", "dev", "test")


def read_snli_ve(
    questions: Sequence[str | Path], annotations: Sequence[str | Path], problems: Problems
) -> pa.Table:
    """The hypotheses as questions; the answer is entailment, neutral or contradiction.

    See `records.Reader`.

    Raises
    ------
    UserError : a file is missing, damaged as a whole or named otherwise
    """
    return line_records(questions, annotations, problems, name="SNLI-VE", subsets=SUBSETS, row=_row)


def _row(_subset: str, record: object) -> Row:
    image, label = file_stem(record, "Flickr30K_ID"), text(record, "gold_label")
    if label not in LABELS:
        raise BadRecord(f"'gold_label' {label!r} is none of {', '.join(LABELS)}")
    return Row(
        question_id=text(record, "pairID"),
        question=text(record, "sentence2"),
        answer=label,
        image_id=image,
        image_name=image,
    )
