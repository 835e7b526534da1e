"""The datasets' accuracies as rows of one table: what differs between them is named here only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from continual_vqa.data.gqa import read_gqa
from continual_vqa.data.problems import Problems
from continual_vqa.data.vqav2 import read_vqav2
from continual_vqa.errors import UserError
from continual_vqa.evaluation.gqa_accuracy import consistency, exact_match
from continual_vqa.evaluation.vqa_accuracy import GroundTruth

# (answered questions, predictions string [N]) -> column name -> float64 [N]
Rule = Callable[[pa.Table, pa.Array], dict[str, np.ndarray]]
# (question files, annotation files, problems) -> table of data.tables.RAW
Reader = Callable[[Sequence[str | Path], Sequence[str | Path], Problems], pa.Table]


@dataclass(frozen=True, slots=True)
class Scorer:
    """How the answers to a dataset's questions are judged.

    Attributes
    ----------
    columns : columns of the question table that the rule needs, beside question_id
    rule : gives `accuracy` (always) and possibly `consistency`, both in [0, 1]
    read : reads the official question and annotation files
    id_key, answer_key : fields of the official result files
    taxonomy : the skills used for totals when none is named
    """

    columns: tuple[str, ...]
    rule: Rule
    read: Reader
    id_key: str
    answer_key: str
    taxonomy: str


def scorer_of(dataset: str) -> Scorer:
    """The row of `dataset`.

    Raises
    ------
    UserError : no such dataset
    """
    if dataset not in SCORERS:
        raise UserError(f"unknown dataset {dataset!r}", expected=f"one of {', '.join(SCORERS)}")
    return SCORERS[dataset]


def _vqa(questions: pa.Table, predictions: pa.Array) -> dict[str, np.ndarray]:
    ids = questions["question_id"].combine_chunks()
    truth = GroundTruth.prepare(ids, questions["answers"].combine_chunks())
    return {"accuracy": truth.accuracy(ids, predictions)}


def _gqa(questions: pa.Table, predictions: pa.Array) -> dict[str, np.ndarray]:
    accuracy = exact_match(questions["answer"].combine_chunks(), predictions)
    ids = questions["question_id"].to_pylist()
    of_question = dict(zip(ids, accuracy.tolist(), strict=True))
    entailed = questions["entailed"].to_pylist()
    return {"accuracy": accuracy, "consistency": consistency(ids, entailed, of_question)}


def _read_vqa(
    questions: Sequence[str | Path], annotations: Sequence[str | Path], problems: Problems
) -> pa.Table:
    if not annotations:
        raise UserError("the ground truth of VQA v2 is in its annotations", do="give --annotations")
    return read_vqav2(questions, annotations, problems)


def _read_gqa(
    questions: Sequence[str | Path], annotations: Sequence[str | Path], problems: Problems
) -> pa.Table:
    if set(annotations) - set(questions):
        raise UserError("GQA has no annotation files: its questions hold the answers")
    return read_gqa(questions, {}, problems)


SCORERS: dict[str, Scorer] = {
    "vqav2": Scorer(("answers",), _vqa, _read_vqa, "question_id", "answer", "vqacl-published"),
    "gqa": Scorer(("answer", "entailed"), _gqa, _read_gqa, "questionId", "prediction", "gqa"),
}
