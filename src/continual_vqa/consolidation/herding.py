"""Which questions stand best for all of a cell: those whose mean follows the cell's.

Source: herding, Rebuffi et al., CVPR 2017 (iCaRL), with a cell in place of a class. What is kept of
a smaller number is the beginning of what is kept of a larger one.
"""

from __future__ import annotations

import numpy as np


def herding_order(features: np.ndarray, count: int) -> np.ndarray:
    """int64 [min(count, n)]: numbers of the chosen rows, in the order of their choice.

    Each next one brings the mean of the chosen closest to the mean of all; of equals the first.

    Parameters
    ----------
    features : float [n, d], finite
    count : rows to choose, 0 or more
    """
    values = np.asarray(features, np.float64)
    goal = values.mean(axis=0) if len(values) else np.zeros(values.shape[1])
    squares = np.square(values).sum(axis=1)
    chosen = np.empty(min(count, len(values)), np.int64)
    taken = np.zeros(len(values), bool)
    total = np.zeros_like(goal)
    for place in range(len(chosen)):
        # |(total + x) / k - goal|² in what depends on x: |x|² - 2 x · (k goal - total).
        distance = squares - 2 * values @ ((place + 1) * goal - total)
        distance[taken] = np.inf
        chosen[place] = best = int(distance.argmin())
        taken[best] = True
        total += values[best]
    return chosen
