"""CommonsenseQA: a question with five choices (Talmor et al. 2019). Text only.

Official files: {train,dev}_rand_split.jsonl. The test split has no published answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from continual_vqa.data.problems import Problems
from continual_vqa.data.records import (
    BadRecord,
    Row,
    field_of,
    line_records,
    text,
)

SUBSETS = ("train", "dev")


def read_commonsenseqa(
    questions: Sequence[str | Path], annotations: Sequence[str | Path], problems: Problems
) -> pa.Table:
    """The stems as questions; the answer is the text of the right choice.

    See `records.Reader`.

    Raises
    ------
    UserError : a file is missing, damaged as a whole or named otherwise
    """
    return line_records(
        questions, annotations, problems, name="CommonsenseQA", subsets=SUBSETS, row=_row
    )


def _row(_subset: str, record: object) -> Row:
    question = field_of(record, "question")
    listed = field_of(question, "choices")
    if not isinstance(listed, list) or not listed:
        raise BadRecord("'choices' is no list of choices")
    choices = {text(choice, "label"): text(choice, "text") for choice in listed}
    if not isinstance(record, dict) or not record.get("answerKey"):
        raise BadRecord("has no 'answerKey'", "missing_annotations")
    key = text(record, "answerKey")
    if key not in choices:
        raise BadRecord(f"'answerKey' {key[:20]!r} is none of {', '.join(choices)}")
    concept = question.get("question_concept", "")
    return Row(
        question_id=text(record, "id"),
        question=text(question, "stem"),
        answer=choices[key],
        concept=concept if isinstance(concept, str) else "",
        choices=tuple(choices.values()),
    )
