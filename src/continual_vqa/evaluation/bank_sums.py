"""What the adapters of one branch do, from sums over tokens: no activation is kept.

Shapes: T tokens, N adapters, D width of the branch, K coordinates of a change, B samples.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_TINY = 1e-30


class WeightSums:
    """Mean and deviation of the weight of each of N adapters."""

    def __init__(self, adapters: int) -> None:
        self.count = 0
        self._mean = torch.zeros(adapters, dtype=torch.float64)
        self._squares = torch.zeros(adapters, dtype=torch.float64)  # of distances to the mean

    def add(self, weights: Tensor) -> None:
        """More weights (n, N); several batches are the same as all at once."""
        new = weights.double().cpu()
        if not len(new):
            return
        mean, total = new.mean(0), self.count + len(new)
        apart = mean - self._mean
        self._squares += ((new - mean) ** 2).sum(0) + apart**2 * (self.count * len(new) / total)
        self._mean += apart * (len(new) / total)
        self.count = total

    def mean(self, adapter: int) -> float:
        """Mean weight of the adapter at a place; NaN: none was added."""
        return float(self._mean[adapter]) if self.count else math.nan

    def deviation(self, adapter: int) -> float:
        """Standard deviation of what was added (divided by its number); NaN: none was added."""
        return math.sqrt(float(self._squares[adapter]) / self.count) if self.count else math.nan


class ChangeSums:
    """How alike the changes are that each pair of N adapters makes to the same tokens.

    Cosine: of the two changes of a token, the mean over the tokens where neither is 0. Linear CKA
    (Kornblith et al., ICML 2019): |X'Y|² / (|X'X| |Y'Y|) of the changes X and Y (T, D), each column
    less its mean.

    Parameters
    ----------
    bases : (N, D, K) with orthonormal columns; up to a constant an adapter's changes lie in the
        span of its own, so that their K coordinates are enough for CKA
    """

    def __init__(self, bases: Tensor) -> None:
        adapters, _, size = bases.shape
        self._bases, self._size = bases, size
        wide = adapters * size
        self.count = 0
        self._sum = torch.zeros(wide, dtype=torch.float64, device=bases.device)
        self._products = torch.zeros(wide, wide, dtype=torch.float64, device=bases.device)
        self._cosines = torch.zeros(adapters, adapters, dtype=torch.float64, device=bases.device)
        self._defined = torch.zeros_like(self._cosines)

    def add(self, changes: Tensor) -> None:
        """More changes (T, N, D) of the same tokens by all adapters."""
        places = torch.einsum("tnd,ndk->tnk", changes, self._bases).flatten(1).double()
        self.count += len(changes)
        self._sum += places.sum(0)
        self._products += places.T @ places
        changes = changes.double()
        lengths = changes.norm(dim=2)
        units = changes / lengths.clamp(min=_TINY)[..., None]
        moved = (lengths > 0).double()
        self._cosines += torch.einsum("tnd,tmd->nm", units, units)
        self._defined += moved.T @ moved

    def cosine(self, one: int, other: int) -> float:
        """Mean cosine of the changes of the adapters at two places; NaN: one never changes any."""
        count = float(self._defined[one, other])
        return float(self._cosines[one, other]) / count if count else math.nan

    def cka(self, one: int, other: int) -> float:
        """Linear CKA of the same, in [0, 1]; NaN: the changes of one are the same everywhere."""
        own = self._norm(one, one) * self._norm(other, other)
        return min(1.0, self._norm(one, other) ** 2 / own) if own > 0 else math.nan

    def _norm(self, one: int, other: int) -> float:
        """|X'Y| of the centred changes."""
        rows, columns = (slice(n * self._size, (n + 1) * self._size) for n in (one, other))
        means = torch.outer(self._sum[rows], self._sum[columns]) / max(1, self.count)
        products = self._products[rows, columns]
        centred = products - means
        # What single precision leaves of changes that are the same everywhere does not vary.
        rounding = 1e-10 * max(float(products.norm()), float(means.norm()))
        length = float(centred.norm())
        return length if length > rounding else 0.0
