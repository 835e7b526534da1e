"""What a merge does to one tensor, counted block by block while it is merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from continual_vqa.consolidation.merging.dtypes import Floats
from continual_vqa.consolidation.merging.stack import Block, Stack

# Rows of this many entries are multiplied in float32 and added up in float64; longer rows would be
# split over threads by the linear algebra library.
_ROW = 1 << 13
PAIRS = 16  # with more inputs the products of all pairs would outweigh the merge


@dataclass
class Tally:
    """Sums over the entries of some tensors.

    Attributes
    ----------
    count : number of inputs, k
    entries, conflicts : how many entries; of how many do differences of inputs to the base have
        opposite signs
    gram : (k, k) products of the differences; the diagonal alone with more than `PAIRS` inputs
    merged : squared norm of merged - base
    """

    count: int
    entries: int = 0
    conflicts: int = 0
    merged: float = 0.0
    gram: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.gram = np.zeros((self.count, self.count))

    def add(self, stack: Stack, block: Block, merged: Floats) -> None:
        """Count one block.

        Raises
        ------
        UserError : entries that are not finite
        """
        assert block.base is not None
        differences = block.differences
        for i, one in enumerate(differences):
            square = dot(one, one)
            if not np.isfinite(square):
                stack.refuse_not_finite(block)
            self.gram[i, i] += square
            for j in range(i if self.count <= PAIRS else 0):
                product = dot(one, differences[j])
                self.gram[i, j] += product
                self.gram[j, i] += product
        self.entries += len(merged)
        self.conflicts += conflicts(differences)
        step = merged - block.base
        self.merged += dot(step, step)

    def include(self, other: Tally) -> None:
        """Add the sums of other tensors."""
        self.entries += other.entries
        self.conflicts += other.conflicts
        self.merged += other.merged
        self.gram += other.gram

    def norms(self) -> list[float]:
        """The norm of each input's difference to the base."""
        return np.sqrt(np.diagonal(self.gram)).tolist()

    def cosines(self) -> list[list[float | None]] | None:
        """Of every pair of inputs the cosine between their differences; None for one without any
        difference. None altogether with more than `PAIRS` inputs.
        """
        if self.count > PAIRS:
            return None
        norms = self.norms()
        return [
            [
                float(np.clip(self.gram[i, j] / (one * other), -1, 1)) if one and other else None
                for j, other in enumerate(norms)
            ]
            for i, one in enumerate(norms)
        ]


def conflicts(differences: Sequence[Floats]) -> int:
    """Entries of k arrays (n,) of which one is above 0 and one below."""
    if len(differences) < 2:
        return 0
    first = differences[0]
    above, below = first > 0, first < 0
    for each in differences[1:]:
        above |= each > 0
        below |= each < 0
    above &= below
    return int(np.count_nonzero(above))


def dot(one: Floats, other: Floats) -> float:
    """The inner product of two arrays (n,): float32 within rows, float64 over them."""
    whole = len(one) - len(one) % _ROW
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        rows = np.vecdot(one[:whole].reshape(-1, _ROW), other[:whole].reshape(-1, _ROW))
        rest = np.vecdot(one[whole:], other[whole:])
        return float(rows.sum(dtype=np.float64)) + float(rest)
