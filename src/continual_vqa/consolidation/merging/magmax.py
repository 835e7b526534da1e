"""base + scale · of every entry the difference of largest magnitude.

Source: Marczak et al., MagMax, ECCV 2024. Of equal magnitudes the first input's wins (choice of
this project).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from continual_vqa.config.merge import MagMaxMerge
from continual_vqa.consolidation.merging.dtypes import Floats
from continual_vqa.consolidation.merging.stack import Stack, Step
from continual_vqa.consolidation.merging.task_arithmetic import added


def largest(differences: Sequence[Floats]) -> Floats:
    """Of k arrays (n,) the entry of largest magnitude at each place, the first of equals."""
    best = differences[0].copy()
    bits, size = best.view(np.int32), np.abs(best)
    for difference in differences[1:]:
        other = np.abs(difference)
        # All ones where the other is larger: numpy's `where` is many times slower on random masks.
        taken = np.negative((other > size).view(np.int8), dtype=np.int32)
        taken &= bits ^ difference.view(np.int32)
        bits ^= taken
        np.maximum(size, other, out=size)
    return best


def prepare(stack: Stack, config: MagMaxMerge, tasks: int) -> Step:
    """Nothing has to be known beforehand."""

    def step(block):
        return added(block.base, largest(block.differences), config.scale)

    return step
