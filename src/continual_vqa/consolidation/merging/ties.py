"""base + scale · disjoint mean of the trimmed differences.

Source: Yadav et al., TIES-Merging, NeurIPS 2023. In every tensor each input keeps the `density` of
its differences that is largest by magnitude; every entry elects the sign of the sum of what was
kept; the mean is over the inputs that kept a difference of this sign.

Choices of this project: exactly round(density · n) entries are kept, but at least one; among equal
magnitudes the earlier entry (C order) first; a sum of exactly zero elects plus.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from continual_vqa.config.merge import TiesMerge
from continual_vqa.consolidation.merging.dtypes import Floats
from continual_vqa.consolidation.merging.magnitudes import cut_magnitudes
from continual_vqa.consolidation.merging.stack import Block, Stack, Step
from continual_vqa.consolidation.merging.task_arithmetic import added
from continual_vqa.consolidation.select import Cut


def kept_entries(size: int, density: float) -> int:
    """How many of `size` entries are kept."""
    return min(size, max(1, round(density * size)))


class Trim:
    """The entries of one input that are kept, block after block in order."""

    def __init__(self, where: Cut) -> None:
        self._threshold = np.float32(where.threshold)
        self._ties = where.ties

    def __call__(self, difference: Floats) -> Floats:
        """The next entries (n,), zero where they are dropped."""
        magnitude = np.abs(difference)
        kept = magnitude > self._threshold
        if self._ties and self._threshold > 0:
            equal = np.flatnonzero(magnitude == self._threshold)[: self._ties]
            kept[equal] = True
            self._ties -= len(equal)
        return np.multiply(difference, kept, out=magnitude)


def disjoint_mean(trimmed: Sequence[Floats]) -> Floats:
    """Of k arrays (n,) the mean of the entries that have the sign of the sum at their place."""
    first = trimmed[0]
    above, below = np.maximum(first, 0), np.minimum(first, 0)
    # Of every sign, how many inputs have it: beyond 255 inputs a byte is too small.
    kind = np.uint8 if len(trimmed) < 256 else np.uint32
    more, less = (first > 0).astype(kind), (first < 0).astype(kind)
    for each in trimmed[1:]:
        above += np.maximum(each, 0)
        below += np.minimum(each, 0)
        more += each > 0
        less += each < 0
    plus = (above >= -below).view(np.uint8)
    above *= plus
    minus = plus ^ np.uint8(1)
    below *= minus
    above += below
    more *= plus
    less *= minus
    more += less
    above /= np.maximum(more, 1)
    return above


def prepare(stack: Stack, config: TiesMerge, tasks: int) -> Step:
    """The thresholds of all inputs are found first."""
    count = kept_entries(stack.size, config.density)
    trims = [Trim(cut_magnitudes(stack, index, count)) for index in range(len(stack.inputs))]

    def step(block: Block) -> Floats:
        assert block.base is not None
        pairs = zip(trims, block.differences, strict=True)
        return added(block.base, disjoint_mean([trim(d) for trim, d in pairs]), config.scale)

    return step
