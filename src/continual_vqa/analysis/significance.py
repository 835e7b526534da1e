"""Whether paired differences could be chance, and how large they are beside their spread.

Sources: sign-flip (Fisher-Pitman) permutation test; Holm, Scandinavian Journal of Statistics 1979;
Cohen's d for paired values (d_z).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

# Up to so many pairs all signs are tried; beyond, so many draws (choices of this project).
EXACT = 16
DRAWS = 50_000
_BLOCK = 4096
# Means that are equal but for rounding count as equally extreme.
_SLACK = 1e-12


def sign_flip_p(differences: Sequence[float], seed: int = 0) -> float:
    """Two-sided p: how often a mean as far from 0 arises if each difference's sign is a coin toss.

    Exact up to `EXACT` differences, else of `DRAWS` draws and the observed one; NaN without any.
    """
    values = np.asarray(differences, np.float64)
    count = len(values)
    if not count or np.isnan(values).any():
        return math.nan
    extreme = abs(values.sum()) * (1 - _SLACK)
    if count <= EXACT:
        # The first sign may stay: turning all of them changes no distance.
        numbers = np.arange(2 ** (count - 1))
        sums = np.full(len(numbers), values[0])
        for place in range(1, count):
            sums += np.where(numbers >> (place - 1) & 1, values[place], -values[place])
        return float((np.abs(sums) >= extreme).mean())
    rng = np.random.default_rng(seed)
    found = 1
    for begin in range(0, DRAWS, _BLOCK):
        signs = rng.integers(0, 2, (min(_BLOCK, DRAWS - begin), count)) * 2 - 1
        found += int((np.abs(signs @ values) >= extreme).sum())
    return found / (DRAWS + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values adjusted for their number, in their order; NaN stays NaN and does not count."""
    defined = sorted((p, place) for place, p in enumerate(p_values) if not math.isnan(p))
    adjusted = [math.nan] * len(p_values)
    running = 0.0
    for rank, (p, place) in enumerate(defined):
        running = max(running, min(1.0, (len(defined) - rank) * p))
        adjusted[place] = running
    return adjusted


def effect_size(differences: Sequence[float]) -> float:
    """d_z: the mean difference in standard deviations of the differences.

    NaN of fewer than two, or of equal ones.
    """
    values = np.asarray(differences, np.float64)
    if len(values) < 2:
        return math.nan
    spread = values.std(ddof=1)
    equal = spread <= _SLACK * np.abs(values).max()
    return math.nan if equal else float(values.mean() / spread)
