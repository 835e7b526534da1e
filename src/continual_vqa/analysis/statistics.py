"""Means with 95 % intervals: Student's t over seeds, or a bootstrap over questions for one seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95
SEEDS = "95 % t interval over seeds"
QUESTIONS = "95 % bootstrap interval over questions"
QUESTIONS_AND_SEEDS = "95 % bootstrap interval over questions and seeds"
SEEDS_AND_SKILLS = "95 % bootstrap interval over seeds and skills"
NO_INTERVAL = "no interval"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean, its interval (NaN: none), the number of values and the interval's kind."""

    mean: float
    low: float
    high: float
    count: int
    interval: str

    @property
    def half_width(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2


def over_seeds(values: Sequence[float]) -> Estimate:
    """Mean and t interval of one value a seed; values that are not defined (NaN) are left out.

    With fewer than two seeds there is a mean but no interval.
    """
    defined = [value for value in values if not math.isnan(value)]
    count = len(defined)
    if not count:
        return Estimate(math.nan, math.nan, math.nan, 0, NO_INTERVAL)
    mean = math.fsum(defined) / count
    if count == 1:
        return Estimate(mean, math.nan, math.nan, 1, NO_INTERVAL)
    variance = math.fsum((value - mean) ** 2 for value in defined) / (count - 1)
    half = student_t(LEVEL, count - 1) * math.sqrt(variance / count)
    return Estimate(mean, mean - half, mean + half, count, SEEDS)


def paired_difference(first: Sequence[float], second: Sequence[float]) -> Estimate:
    """`over_seeds` of first - second, where position i of both is the same seed (and order)."""
    if len(first) != len(second):
        raise ValueError(f"{len(first)} values cannot be paired with {len(second)}")
    return over_seeds([a - b for a, b in zip(first, second, strict=True)])


def student_t(level: float, freedom: int) -> float:
    """The t for which a Student variable with `freedom` degrees lies within ±t with chance `level`.

    Bisection on the exact series of Abramowitz and Stegun 26.7.3 and 26.7.4.
    """
    if not 0 < level < 1 or freedom < 1:
        raise ValueError(f"no t for level {level} and {freedom} degrees of freedom")
    low, high = 0.0, 1.0
    while _within(high, freedom) < level:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if _within(middle, freedom) < level else (low, middle)
    return (low + high) / 2


def _within(t: float, freedom: int) -> float:
    """Chance that a Student variable lies within ±t."""
    angle = math.atan(t / math.sqrt(freedom))
    cosine = math.cos(angle)
    odd = freedom % 2
    term, total = (cosine if odd else 1.0), 0.0
    for k in range(1, freedom // 2 + 1):
        total += term
        term *= cosine**2 * ((2 * k) / (2 * k + 1) if odd else (2 * k - 1) / (2 * k))
    if not odd:
        return math.sin(angle) * total
    return 2 / math.pi * (angle + math.sin(angle) * total)


def bootstrap_task(accuracy: np.ndarray, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Means of one task's questions, resampled with replacement.

    Parameters
    ----------
    accuracy : float64 [questions, steps]; a question is drawn with its accuracies of all steps, so
        that differences between steps (forgetting) are paired
    resamples : B

    Returns
    -------
    float64 [B, steps]
    """
    questions = len(accuracy)
    weights = np.full(questions, 1 / questions)
    means = np.empty((resamples, accuracy.shape[1]))
    # Blocks bound the memory: a row of draws has one count a question.
    block = max(1, 4_000_000 // questions)
    for start in range(0, resamples, block):
        stop = min(start + block, resamples)
        draws = rng.multinomial(questions, weights, size=stop - start)
        means[start:stop] = draws @ accuracy / questions
    return means


def percentile_interval(values: np.ndarray) -> tuple[float, float]:
    """The interval that holds the middle 95 % of `values`; NaN when one of them is not defined."""
    if np.isnan(values).any():
        return math.nan, math.nan
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
