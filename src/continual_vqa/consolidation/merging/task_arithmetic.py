"""base + scale · Σ (weights - base).

Source: Ilharco et al., Editing models with task arithmetic, ICLR 2023.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from continual_vqa.config.merge import TaskArithmeticMerge
from continual_vqa.consolidation.merging.dtypes import Floats
from continual_vqa.consolidation.merging.stack import Stack, Step


def added(base: Floats, difference: Floats, scale: float) -> Floats:
    """base + scale · difference, all (n,); `difference` is written over."""
    difference *= np.float32(scale)
    difference += base
    return difference


def task_arithmetic(base: Floats, differences: Sequence[Floats], scale: float) -> Floats:
    """base (n,) plus the scaled sum of k differences (n,)."""
    total = differences[0].copy()
    for difference in differences[1:]:
        total += difference
    return added(base, total, scale)


def prepare(stack: Stack, config: TaskArithmeticMerge, tasks: int) -> Step:
    """Nothing has to be known beforehand."""

    def step(block):
        return task_arithmetic(block.base, block.differences, config.scale)

    return step


def weights(config: TaskArithmeticMerge, count: int, tasks: int) -> list[float]:
    """The factor of each input; what is missing to 1 is the base's."""
    return [config.scale] * count
