"""Stored entries as float32 and back: F32, F16, and BF16, which numpy does not have."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# dtype as safetensors calls it -> how its bytes are mapped. BF16: the upper half of a float32.
STORED = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_HALF = np.uint32(0x7FFF)
_SIXTEEN, _ONE = np.uint32(16), np.uint32(1)


def widen(raw: NDArray[Any], dtype: str) -> Floats:
    """Stored entries (n,) as float32 (n,), exactly; F32 itself is not copied."""
    if dtype == "BF16":
        return np.left_shift(raw, _SIXTEEN, dtype=np.uint32).view(np.float32)
    return raw.astype(np.float32, copy=False)


def narrow(values: Floats, dtype: str) -> NDArray[Any]:
    """Finite float32 entries (n,) as they are stored, rounded to the nearest, ties to even.

    What lies beyond the largest number of the dtype becomes infinite.
    """
    if dtype == "BF16":
        bits = values.view(np.uint32)
        odd = (bits >> _SIXTEEN) & _ONE
        odd += _HALF
        odd += bits
        return (odd >> _SIXTEEN).astype(np.uint16)
    with np.errstate(over="ignore", under="ignore"):
        return values.astype(STORED[dtype], copy=False)


def finite(stored: NDArray[Any], dtype: str) -> bool:
    """Whether all stored entries are finite numbers."""
    return bool(np.isfinite(widen(stored, dtype)).all())
