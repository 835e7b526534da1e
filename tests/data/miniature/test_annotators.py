from __future__ import annotations

import random

import pyarrow as pa
import pytest

from continual_vqa.data.miniature.annotators import NEAR, answer_type, ten_answers
from continual_vqa.evaluation.vqa_accuracy import GroundTruth


def accuracies(disagreement: float) -> list[float]:
    rng = random.Random(0)
    truths = sorted(NEAR) * 20
    answers = [[str(a["answer"]) for a in ten_answers(t, rng, disagreement)] for t in truths]
    ids = pa.array([str(number) for number in range(len(truths))])
    truth = GroundTruth.prepare(ids, pa.array(answers))
    return truth.accuracy(ids, pa.array(truths)).tolist()


def test_a_perfect_model_is_right_by_the_official_rule() -> None:
    found = accuracies(0.25)
    assert 0.95 <= sum(found) / len(found) < 1
    assert sum(each == 1 for each in found) / len(found) > 0.9


def test_more_disagreement_lowers_the_ceiling() -> None:
    easy, hard = (sum(found) / len(found) for found in (accuracies(0), accuracies(1)))
    assert easy > 0.999
    assert 0.8 < hard < 0.97


def test_ten_answers_have_the_official_fields() -> None:
    answers = ten_answers("2", random.Random(0), 0.25)
    assert [each["answer_id"] for each in answers] == list(range(1, 11))
    assert {each["answer_confidence"] for each in answers} <= {"yes", "maybe", "no"}
    assert all(isinstance(each["answer"], str) for each in answers)


@pytest.mark.parametrize(
    ("answer", "kind"), [("yes", "yes/no"), ("no", "yes/no"), ("3", "number"), ("red", "other")]
)
def test_answer_types(answer: str, kind: str) -> None:
    assert answer_type(answer) == kind
