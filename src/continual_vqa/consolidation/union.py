"""The union of several tasks' most important entries, as large as the budget allows.

Choice of this project: entries are ordered by their best rank in any task; between equal ranks the
earlier task comes first. The first k in this order are protected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continual_vqa.consolidation.select import Entries, chosen, cut

Masks = Iterator[tuple[Any, NDArray[np.bool_]]]

# Ranks that are put in order one by one at the end.
BAND = 1 << 18


def union_set(tasks: Sequence[Entries], k: int) -> Masks:
    """(name, bool array) of the `k` entries of best rank over `tasks`, which share their names.

    The union U(q) of the tasks' q largest grows with q. Halving finds q with |U(q)| ≤ k, at most
    `BAND` ranks below the one that would exceed k; of the ranks between, the first are added.
    """
    low, high = k // len(tasks), k
    inside = _size(tasks, low)
    while high - low > BAND:
        middle = (low + high) // 2
        size = _size(tasks, middle)
        if size <= k:
            low, inside = middle, size
        else:
            high = middle
    added = _best_of_band(tasks, low, high)[: k - inside]
    added.sort()
    return _with(tasks, low, added)


def _union(tasks: Sequence[Entries], q: int) -> Masks:
    each = [chosen(entries, cut(entries, q)) for entries in tasks]
    for rows in zip(*each, strict=True):
        yield rows[0][0], np.logical_or.reduce([mask for _, mask in rows])


def _size(tasks: Sequence[Entries], q: int) -> int:
    return sum(int(np.count_nonzero(mask)) for _, mask in _union(tasks, q))


def _best_of_band(tasks: Sequence[Entries], low: int, high: int) -> NDArray[np.int64]:
    """Places of the entries outside U(low) and of a rank below `high` in a task, best rank first.

    A place counts the entries of all tensors in order.
    """
    places: list[NDArray[np.int64]] = []
    ranks: list[NDArray[np.int64]] = []
    for entries in tasks:
        place, value = _band(entries, low, high)
        order = np.argsort(-value, kind="stable")
        places.append(place[order])
        ranks.append(np.arange(len(order)))
    place = np.concatenate(places)
    # Stable: among equal ranks the earlier task's entry stays first.
    place = place[np.argsort(np.concatenate(ranks), kind="stable")]
    _, first = np.unique(place, return_index=True)
    place = place[np.sort(first)]
    return place[~_taken(tasks, low, place)]


def _band(entries: Entries, low: int, high: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Places and values of the entries of rank low..high-1 in one task, in order of place."""
    outer, inner = chosen(entries, cut(entries, high)), chosen(entries, cut(entries, low))
    places, values, start = [np.empty(0, np.int64)], [np.empty(0, np.float32)], 0
    for (name, wide), (_, narrow) in zip(outer, inner, strict=True):
        found = np.flatnonzero(wide & ~narrow)
        places.append(found + start)
        values.append(entries.take(name, found))
        start += wide.size
    return np.concatenate(places), np.concatenate(values)


def _taken(tasks: Sequence[Entries], q: int, place: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each of `place` lies in U(q)."""
    taken, start = np.zeros(len(place), np.bool_), 0
    for _, mask in _union(tasks, q):
        here = (place >= start) & (place < start + mask.size)
        taken[here] = mask.reshape(-1)[place[here] - start]
        start += mask.size
    return taken


def _with(tasks: Sequence[Entries], q: int, places: NDArray[np.int64]) -> Masks:
    """U(q) and the entries at `places`, which are in ascending order."""
    start = 0
    for name, mask in _union(tasks, q):
        first, last = np.searchsorted(places, (start, start + mask.size))
        mask.reshape(-1)[places[first:last] - start] = True
        start += mask.size
        yield name, mask
