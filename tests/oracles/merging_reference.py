"""Merge methods written straight from their descriptions: slow, obvious, in float64.

An oracle for the tests: every entry on its own, in plain Python loops, with no code of the package.
Arrays are flat; `inputs` are the merged models, `base` the model that they were trained from.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def task_arithmetic(base: Sequence[float], inputs: Sequence[Sequence[float]], scale: float):
    """Every entry moves by the scaled sum of what the inputs moved."""
    merged = []
    for place, start in enumerate(base):
        merged.append(start + scale * sum(each[place] - start for each in inputs))
    return np.array(merged, np.float64)


def trim(difference: Sequence[float], count: int) -> list[float]:
    """The `count` entries of largest magnitude, the earlier of equals; all others become 0."""
    order = sorted(range(len(difference)), key=lambda place: (-abs(difference[place]), place))
    kept = set(order[:count])
    return [value if place in kept else 0.0 for place, value in enumerate(difference)]


def ties(
    base: Sequence[float], inputs: Sequence[Sequence[float]], density: float, scale: float
) -> np.ndarray:
    """Trim each input, elect a sign for each entry, average the inputs that agree with it."""
    count = max(1, round(density * len(base))) if len(base) else 0
    trimmed = [trim([x - b for x, b in zip(each, base, strict=True)], count) for each in inputs]
    merged = []
    for place, start in enumerate(base):
        here = [each[place] for each in trimmed]
        elected = 1 if sum(here) >= 0 else -1
        agreeing = [value for value in here if value * elected > 0]
        merged.append(start + scale * (sum(agreeing) / len(agreeing) if agreeing else 0.0))
    return np.array(merged, np.float64)


def dare(
    base: Sequence[float],
    inputs: Sequence[Sequence[float]],
    kept: Sequence[Sequence[bool]],
    density: float,
    scale: float,
) -> np.ndarray:
    """The mean of the kept differences, each divided by its chance to be kept."""
    merged = []
    for place, start in enumerate(base):
        total = 0.0
        for each, mask in zip(inputs, kept, strict=True):
            if mask[place]:
                total += (each[place] - start) / density
        merged.append(start + scale * total / len(inputs))
    return np.array(merged, np.float64)


def magmax(base: Sequence[float], inputs: Sequence[Sequence[float]], scale: float) -> np.ndarray:
    """Every entry moves as far as the input that moved farthest, the first of equals."""
    merged = []
    for place, start in enumerate(base):
        differences = [each[place] - start for each in inputs]
        farthest = max(abs(value) for value in differences)
        first = next(value for value in differences if abs(value) == farthest)
        merged.append(start + scale * first)
    return np.array(merged, np.float64)
