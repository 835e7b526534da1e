"""The answer a question is trained on: drawn from its annotators' answers, weighted by its score.

Or, for a model that chooses from a list, the scores of all of them.

Source: the protocol of VQACL (Zhang et al., CVPR 2023). The score is the official VQA accuracy of
an answer that n of ten annotators gave (0.3, 0.6, 0.9, 1), averaged over leave-one-out subsets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Candidates:
    """The distinct answers of one question.

    Attributes
    ----------
    texts : answers, lower case, the most frequent first
    scores : VQA score of each, in (0, 1]
    counts : annotators that gave each
    """

    texts: tuple[str, ...]
    scores: tuple[float, ...]
    counts: tuple[int, ...]


def candidates(answers: Sequence[str]) -> Candidates:
    """The candidates of a question's raw answers; ties keep the order of the answers."""
    counts = Counter(answer.strip().lower() for answer in answers)
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    total = len(answers)
    return Candidates(
        tuple(text for text, _ in ranked),
        tuple(vqa_score(count, total) for _, count in ranked),
        tuple(count for _, count in ranked),
    )


def vqa_score(count: int, total: int) -> float:
    """Official accuracy of an answer that `count` of `total` annotators gave.

    The mean over annotators left out of min(1, matches among the others / 3). With a single
    annotator (GQA) an answer is simply right: 1.
    """
    if total == 1:
        return 1.0
    without_other = min(1.0, count / 3)
    without_own = min(1.0, (count - 1) / 3)
    return ((total - count) * without_other + count * without_own) / total


def scores(candidates: Candidates, target: str) -> dict[str, float]:
    """Answer -> its label under the named rule, in [0, 1]; answers without one are left out.

    by_score: the VQA score. by_count: the share of annotators. majority: 1 for the first.
    """
    total = sum(candidates.counts)
    values: dict[str, Sequence[float]] = {
        "by_score": candidates.scores,
        "by_count": [count / total for count in candidates.counts],
        "majority": (1.0,),
    }
    return dict(zip(candidates.texts, values[target], strict=False))


def cumulative(choice: Candidates, target: str) -> np.ndarray:
    """Cumulative probabilities (candidates,) of drawing each under the named rule."""
    weights = {
        "by_score": choice.scores,
        "by_count": choice.counts,
        "majority": (1.0,) + (0.0,) * (len(choice.texts) - 1),
    }[target]
    total = np.cumsum(np.asarray(weights, np.float64))
    return total / total[-1]


def draw(uniform: float, cumulative_probabilities: np.ndarray) -> int:
    """The candidate that a uniform number in [0, 1) picks."""
    return int(np.searchsorted(cumulative_probabilities, uniform, side="right"))
