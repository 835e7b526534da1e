"""Where the largest differences of one input begin, exactly, without holding all of a huge tensor.

The radix select of `consolidation.select`, over magnitudes that are made from the input and the
base in every pass anew; those of a tensor of moderate size are made once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

from continual_vqa.consolidation.merging.dtypes import Floats
from continual_vqa.consolidation.merging.stack import Stack
from continual_vqa.consolidation.select import Cut, Entries, cut

HELD = 1 << 20  # entries whose magnitudes are kept in memory: 4 MB
SAMPLE = 1 << 15


def cut_magnitudes(stack: Stack, index: int, k: int) -> Cut:
    """The `k` largest |input - base| of one input: the threshold, and how many equal it.

    Raises
    ------
    UserError : entries that are not finite
    """
    if k == stack.size:
        return Cut(-math.inf, k, 0)
    return cut(_Magnitudes(stack, index), k)


class _Magnitudes(Entries):
    """The magnitudes of one input as the entries to choose from."""

    def __init__(self, stack: Stack, index: int) -> None:
        self.size = stack.size
        self._blocks: Iterable[Floats] = _Again(stack, index)
        if self.size <= HELD:
            self._blocks = list(self._blocks)

    def __iter__(self) -> Iterator[Floats]:
        return iter(self._blocks)

    def sample(self) -> Floats:
        """About `SAMPLE` entries at even distances, in descending order."""
        stride, skip, taken = max(1, self.size // SAMPLE), 0, []
        for block in self._blocks:
            # A view would keep the whole block.
            taken.append(block[skip::stride].copy())
            skip = (skip - len(block)) % stride
        return np.sort(np.concatenate(taken))[::-1]


class _Again:
    """The magnitudes, made again whenever they are asked for."""

    def __init__(self, stack: Stack, index: int) -> None:
        self._stack, self._index = stack, index

    def __iter__(self) -> Iterator[Floats]:
        start = 0
        for block in self._stack.magnitudes(self._index):
            if not np.isfinite(block.max()):
                for whole in self._stack.blocks(start, start + len(block)):
                    self._stack.refuse_not_finite(whole)
            yield block
            start += len(block)
