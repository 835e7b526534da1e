"""The mean of all weights.

Source: PAM (arXiv 2506.03189) averages the deployed and the trained weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from continual_vqa.config.merge import AverageMerge
from continual_vqa.consolidation.merging.dtypes import Floats
from continual_vqa.consolidation.merging.stack import Stack, Step


def average(inputs: Sequence[Floats]) -> Floats:
    """Mean of k arrays (n,); of equals it is the same array, bit by bit.

    Two are added and halved, which rounds once. Of more the differences to the first are averaged:
    a plain sum of three equals, divided by three, is not always the same number again.
    """
    first, *others = inputs
    if not others:
        return first.copy()
    if len(others) == 1:
        total = first + others[0]
        total *= np.float32(0.5)
        return total
    total = others[0] - first
    for other in others[1:]:
        total += other - first
    total *= np.float32(1 / len(inputs))
    total += first
    return total


def prepare(stack: Stack, config: AverageMerge, tasks: int) -> Step:
    """Nothing has to be known beforehand."""
    return lambda block: average(block.inputs)


def weights(config: AverageMerge, count: int, tasks: int) -> list[float]:
    """The factor of each input."""
    return [1 / count] * count
