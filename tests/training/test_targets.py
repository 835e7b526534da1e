from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.training.targets import candidates, cumulative, draw, vqa_score


def leave_one_out(answers: list[str], answer: str) -> float:
    """The official rule, written out."""
    scores = []
    for left_out in range(len(answers)):
        others = answers[:left_out] + answers[left_out + 1 :]
        scores.append(min(1.0, others.count(answer) / 3))
    return sum(scores) / len(scores)


@given(st.lists(st.sampled_from("abc"), min_size=10, max_size=10))
def test_scores_are_the_official_accuracy(answers: list[str]) -> None:
    row = candidates(answers)
    assert sorted(row.texts) == sorted(set(answers))
    for text, score, count in zip(row.texts, row.scores, row.counts, strict=True):
        assert score == pytest.approx(leave_one_out(answers, text))
        assert count == answers.count(text)
    assert list(row.counts) == sorted(row.counts, reverse=True)


def test_the_table_of_vl_t5() -> None:
    scores = [vqa_score(count, 10) for count in range(1, 6)]
    assert scores == pytest.approx([0.3, 0.6, 0.9, 1.0, 1.0])
    assert vqa_score(1, 1) == 1.0


def test_answers_are_compared_without_case_and_edges() -> None:
    assert candidates(["Yes", "yes ", "no"]).texts == ("yes", "no")


@pytest.mark.parametrize(
    ("target", "expected"),
    [("by_score", [1 / 1.6, 0.6 / 1.6]), ("by_count", [0.8, 0.2]), ("majority", [1.0, 0.0])],
)
def test_draws_follow_the_rule(target: str, expected: list[float]) -> None:
    steps = cumulative(candidates(["a"] * 8 + ["b"] * 2), target)
    drawn = [draw((i + 0.5) / 1000, steps) for i in range(1000)]
    np.testing.assert_allclose(np.bincount(drawn, minlength=2) / 1000, expected, atol=0.002)
    assert all(a <= b for a, b in itertools.pairwise(drawn))
    assert draw(0.999999999999, steps) < 2
