"""The mean of all weights.

Source: PAM (arXiv 2506.03189) averages the deployed and the trained weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from continual_vqa.config.merge import AverageMerge
from continual_vqa.consolidation.merging.dtypes import Floats
from continual_vqa.consolidation.merging.stack import BLOCK, Stack, Step


def average(inputs: Sequence[Floats], scratch: Sequence[Floats] | None = None) -> Floats:
    """Mean of k arrays (n,); of equals it is the same array, bit by bit.

    Two are added and halved, which rounds once. Of more the differences to the first are averaged:
    a plain sum of three equals, divided by three, is not always the same number again.

    Parameters
    ----------
    scratch : two arrays of n entries or more that are written to; the mean is in the first
    """
    first, *others = inputs
    total, spare = scratch or (np.empty_like(first), np.empty_like(first))
    total, spare = total[: len(first)], spare[: len(first)]
    if not others:
        np.copyto(total, first)
    elif len(others) == 1:
        np.add(first, others[0], out=total)
        total *= np.float32(0.5)
    else:
        np.subtract(others[0], first, out=total)
        for other in others[1:]:
            total += np.subtract(other, first, out=spare)
        total *= np.float32(1 / len(inputs))
        total += first
    return total


def prepare(stack: Stack, config: AverageMerge, tasks: int) -> Step:
    """Nothing has to be known beforehand; one piece of memory serves all blocks."""
    size = min(BLOCK, stack.size)
    scratch = (np.empty(size, np.float32), np.empty(size, np.float32))
    return lambda block: average(block.inputs, scratch)


def weights(config: AverageMerge, count: int, tasks: int) -> list[float]:
    """The factor of each input."""
    return [1 / count] * count
