"""Seeds of the parts of a job, derived from the run's seed and the part's name."""

from __future__ import annotations

import numpy as np

from continual_vqa.files.hashing import sha256_bytes


def derived(seed: int, *names: object) -> int:
    """A 63-bit seed for the part called `names` of the run with `seed`."""
    text = "\n".join([str(seed), *map(str, names)])
    return int(sha256_bytes(text.encode())[:16], 16) >> 1


def uniforms(n: int, seed: int, epoch: int) -> np.ndarray:
    """n numbers in [0, 1), float64, the same for the same seed and epoch."""
    key = np.array([derived(seed, "uniforms"), epoch], np.uint64)
    return (np.random.Philox(key=key).random_raw(n) >> np.uint64(11)) * 2.0**-53
