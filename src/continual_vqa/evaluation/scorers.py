"""The datasets' accuracies as rows of one table: what differs between them is named here only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from continual_vqa.errors import UserError
from continual_vqa.evaluation.exact import normal_match
from continual_vqa.evaluation.gqa_accuracy import consistency, exact_match
from continual_vqa.evaluation.vqa_accuracy import GroundTruth

# (answered questions, predictions string [N]) -> column name -> float64 [N]
Rule = Callable[[pa.Table, pa.Array], dict[str, np.ndarray]]


@dataclass(frozen=True, slots=True)
class Official:
    """What an official evaluation reads.

    Attributes
    ----------
    id_key, answer_key : fields of its result files
    taxonomy : the skills used for totals when none is named
    """

    id_key: str
    answer_key: str
    taxonomy: str


@dataclass(frozen=True, slots=True)
class Scorer:
    """How the answers to a dataset's questions are judged.

    Attributes
    ----------
    columns : columns of the question table that the rule needs, beside question_id
    rule : gives `accuracy` (always) and possibly `consistency`, both in [0, 1]
    official : how official result files look, where there are some
    """

    columns: tuple[str, ...]
    rule: Rule
    official: Official | None = None


def scorer_of(dataset: str) -> Scorer:
    """The row of `dataset`.

    Raises
    ------
    UserError : no such dataset
    """
    if dataset not in SCORERS:
        raise UserError(f"unknown dataset {dataset!r}", expected=f"one of {', '.join(SCORERS)}")
    return SCORERS[dataset]


def official_of(dataset: str) -> Official:
    """How the official result files of `dataset` look.

    Raises
    ------
    UserError : no such dataset, or one without them
    """
    official = scorer_of(dataset).official
    if official is None:
        known = ", ".join(name for name, each in SCORERS.items() if each.official)
        raise UserError(
            f"there are no official result files of {dataset}",
            expected=f"{known}; or --predictions and --cells",
        )
    return official


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


def _exact(questions: pa.Table, predictions: pa.Array) -> dict[str, np.ndarray]:
    return {"accuracy": normal_match(questions["answer"].combine_chunks(), predictions)}


# What the accuracy of guessing is stands in data/formats.py, and for each task of a study in the
# data report ("random").
SCORERS: dict[str, Scorer] = {
    "vqav2": Scorer(("answers",), _vqa, Official("question_id", "answer", "vqacl-published")),
    "gqa": Scorer(("answer", "entailed"), _gqa, Official("questionId", "prediction", "gqa")),
    "snli_ve": Scorer(("answer",), _exact),
    "piqa": Scorer(("answer",), _exact),
    "commonsenseqa": Scorer(("answer",), _exact),
    "nlvr2": Scorer(("answer",), _exact),
    "inaturalist": Scorer(("answer",), _exact),
    "places365": Scorer(("answer",), _exact),
    "image_folder": Scorer(("answer",), _exact),
}
