"""Linear CKA from the Gram matrices of all samples, as its definition has it.

Source: Kornblith et al., ICML 2019: HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)), K and L centred.
"""

from __future__ import annotations

import numpy as np


def linear_cka(x: np.ndarray, y: np.ndarray) -> float:
    """Of (T, D) and (T, E), in [0, 1]."""
    count = len(x)
    centre = np.eye(count) - 1 / count
    k, other = (centre @ (each @ each.T) @ centre for each in (x, y))
    return float((k * other).sum() / np.sqrt((k * k).sum() * (other * other).sum()))
