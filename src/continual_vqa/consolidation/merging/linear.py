"""(1 - c) of the weights deployed before and c of those trained now."""

from __future__ import annotations

import numpy as np

from continual_vqa.config.merge import LinearMerge
from continual_vqa.consolidation.merging.dtypes import Floats
from continual_vqa.consolidation.merging.stack import Stack, Step


def interpolate(before: Floats, now: Floats, coefficient: float) -> Floats:
    """before + c (now - before), both (n,); exact for c = 0, for c = 1 and for equals.

    The step is taken from the nearer end, so that both ends are met bit by bit.
    """
    difference = now - before
    if coefficient <= 0.5:
        difference *= np.float32(coefficient)
        difference += before
        return difference
    difference *= np.float32(coefficient - 1)
    difference += now
    return difference


def prepare(stack: Stack, config: LinearMerge, tasks: int) -> Step:
    """With one model only, nothing was deployed before: it is the merge."""
    return lambda block: interpolate(block.inputs[0], block.inputs[-1], config.coefficient)


def weights(config: LinearMerge, count: int, tasks: int) -> list[float]:
    """The factor of each input."""
    return [1 - config.coefficient, config.coefficient] if count > 1 else [1.0]
