"""The datasets' accuracies as rows of one table: what differs between them is named here only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from continual_vqa.evaluation.gqa_accuracy import consistency, exact_match
from continual_vqa.evaluation.vqa_accuracy import GroundTruth

# (answered questions, predictions string [N]) -> column name -> float64 [N]
Rule = Callable[[pa.Table, pa.Array], dict[str, np.ndarray]]


@dataclass(frozen=True, slots=True)
class Scorer:
    """How the answers to a dataset's questions are judged.

    Attributes
    ----------
    columns : columns of the question table that the rule needs, beside question_id
    rule : gives `accuracy` (always) and possibly `consistency`, both in [0, 1]
    id_key, answer_key : fields of the official result files
    taxonomy : the skills used for totals when none is named
    """

    columns: tuple[str, ...]
    rule: Rule
    id_key: str
    answer_key: str
    taxonomy: str


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


SCORERS: dict[str, Scorer] = {
    "vqav2": Scorer(("answers",), _vqa, "question_id", "answer", "vqacl-published"),
    "gqa": Scorer(("answer", "entailed"), _gqa, "questionId", "prediction", "gqa"),
}
