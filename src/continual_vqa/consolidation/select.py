"""The k largest of many float32 entries, exactly, in little memory.

A radix select over the bit patterns: each pass counts the entries by the next 12 bits and so finds
the bin of the k-th largest, until the bin is one value. A sample narrows the first pass to the
likely neighbourhood of the threshold, which leaves two passes; where the sample misled, the whole
range is counted: the result is exact for any input.

Choice of this project: among equal entries the earlier one belongs first, which makes every set of
the k largest unique.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 17  # entries taken at once: half a megabyte, which stays in the cache
SAMPLE = 1 << 19
BITS = 12
BINS = 1 << BITS


class Entries:
    """Finite float32 entries of some arrays in order, C order within each, taken block by block.

    Parameters
    ----------
    arrays : float32 arrays of any shape; each is asked for again in every pass
    names : which of them, in the order that decides between equal entries; default: all
    count : the entries are divided by this, in float32
    """

    def __init__(
        self,
        arrays: Mapping[Any, NDArray[np.float32]],
        names: Sequence[Any] | None = None,
        count: int = 1,
    ) -> None:
        self.names = tuple(arrays if names is None else names)
        self.count = count
        self._arrays = arrays
        self.shapes: dict[Any, tuple[int, ...]] = {}
        for name in self.names:
            array = arrays[name]
            if array.dtype != np.float32:
                raise TypeError(f"entries of {name!r} are {array.dtype}, not float32")
            self.shapes[name] = array.shape
        self.size = sum(math.prod(shape) for shape in self.shapes.values())

    def array(self, name: Any) -> Iterator[NDArray[np.float32]]:
        """The blocks of one array, flat."""
        flat = self._arrays[name].reshape(-1)
        for start in range(0, len(flat), BLOCK):
            yield self._mean(flat[start : start + BLOCK])

    def take(self, name: Any, places: NDArray[np.int64]) -> NDArray[np.float32]:
        """The entries at these flat places of one array."""
        return self._mean(self._arrays[name].reshape(-1)[places])

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        for name in self.names:
            yield from self.array(name)

    def sample(self) -> NDArray[np.float32]:
        """About `SAMPLE` entries at even distances, in descending order."""
        stride, skip, taken = max(1, self.size // SAMPLE), 0, []
        for name in self.names:
            flat = self._arrays[name].reshape(-1)
            taken.append(flat[skip::stride])
            skip = (skip - len(flat)) % stride
        return np.sort(self._mean(np.concatenate(taken)))[::-1]

    def _mean(self, sums: NDArray[np.float32]) -> NDArray[np.float32]:
        return sums if self.count == 1 else sums / np.float32(self.count)


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the k largest end: all entries above the threshold, and the first `ties` equal to it.

    Without any entry (k = 0) the threshold is infinite.
    """

    threshold: float
    above: int
    ties: int


def cut(entries: Entries, k: int) -> Cut:
    """The threshold of the `k` largest entries, 0 ≤ k ≤ n: the k-th largest value itself.

    Two or three passes over the entries, four where the sample misled; 4 MB beside them.
    """
    if not 0 <= k <= entries.size:
        raise ValueError(f"cannot choose {k} of {entries.size} entries")
    if k == 0:
        return Cut(math.inf, 0, 0)
    base, shift = _guess(entries, k)
    while True:
        above, counts = _histogram(entries, base, shift)
        # Of the bins from the top: how many entries lie in it or above.
        reached = above + np.cumsum(counts[::-1])
        if not above < k <= reached[-1]:
            base, shift = _LOWEST, 32 - BITS
            continue
        place = int(np.searchsorted(reached, k))
        bin_ = BINS - 1 - place
        base += bin_ << shift
        if shift == 0:
            before = int(reached[place] - counts[bin_])
            return Cut(_value(base), before, k - before)
        shift = max(0, shift - BITS)


def chosen(entries: Entries, where: Cut) -> Iterator[tuple[Any, NDArray[np.bool_]]]:
    """The set that `where` describes: (name, bool array of the array's shape), in order."""
    ties = where.ties
    for name in entries.names:
        inside = np.empty(math.prod(entries.shapes[name]), np.bool_)
        start = 0
        for block in entries.array(name):
            part = inside[start : start + len(block)]
            np.greater(block, where.threshold, out=part)
            if ties:
                equal = np.flatnonzero(block == where.threshold)[:ties]
                part[equal] = True
                ties -= len(equal)
            start += len(block)
        yield name, inside.reshape(entries.shapes[name])


def top_set(arrays: Sequence[NDArray[np.float32]], k: int) -> list[NDArray[np.bool_]]:
    """The `k` largest entries over all `arrays` (finite float32) as bool arrays of their shapes."""
    entries = Entries(dict(enumerate(arrays)))
    return [inside for _, inside in chosen(entries, cut(entries, k))]


# Keys: integers in the order of the floats. Those of floats >= 0 are their bit patterns.
_LOWEST, _HIGHEST = -(1 << 31), (1 << 31) - 1
_MAGNITUDE = np.int32(0x7FFFFFFF)


def _keys(block: NDArray[np.float32]) -> NDArray[np.int32]:
    keys = np.ascontiguousarray(block).view(np.int32)
    if len(keys) and keys.min() < 0:
        # Adding zero makes one zero of both; the magnitude of negative floats runs downwards.
        keys = (block + np.float32(0)).view(np.int32)
        keys = keys ^ ((keys >> 31) & _MAGNITUDE)
    return keys


def _value(key: int) -> float:
    pattern = key if key >= 0 else key ^ int(_MAGNITUDE)
    return float(np.array(pattern, np.int32).view(np.float32))


def _guess(entries: Entries, k: int) -> tuple[int, int]:
    """First key and width (as a shift) of the bins around the sample's idea of the threshold."""
    keys = _keys(entries.sample())
    place = k * len(keys) // entries.size
    # Four standard deviations of the place, were the sample random.
    margin = 8 + 4 * math.isqrt(place * (len(keys) - place) // len(keys))
    low = int(keys[place + margin]) if place + margin < len(keys) else _LOWEST
    high = int(keys[place - margin]) if place >= margin else _HIGHEST
    return low, max(0, (high - low).bit_length() - BITS)


def _histogram(entries: Entries, base: int, shift: int) -> tuple[int, NDArray[np.int64]]:
    """How many keys lie above the bins, and in each bin of 2^shift keys from `base` on."""
    last = min(base + (BINS << shift) - 1, _HIGHEST)
    above, counts = 0, np.zeros(BINS, np.int64)
    for block in entries:
        keys = _keys(block)
        above += int(np.count_nonzero(keys > last))
        # Unsigned differences: keys below the base wrap to large ones.
        offsets = keys.view(np.uint32) - np.uint32(base & 0xFFFFFFFF)
        if last - base < 0xFFFFFFFF:
            offsets = offsets[offsets <= last - base]
        bins = (offsets >> np.uint32(shift)).view(np.int32)
        counts += np.bincount(bins, minlength=BINS)
    return above, counts
