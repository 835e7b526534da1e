"""Entries of a tensor in a file, mapped a window at a time, whatever the tensor's size."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from continual_vqa.consolidation.merging.dtypes import STORED, Floats, widen
from continual_vqa.consolidation.merging.models import Model
from continual_vqa.errors import naming

WINDOW = 1 << 18  # entries mapped at once


class Window:
    """A reader of one float tensor of one file; the last window stays mapped.

    Attributes
    ----------
    bytes : how many bytes were mapped so far
    """

    def __init__(self, model: Model, name: str) -> None:
        self._path, self._info = model.path, model.infos[name]
        self._begin, self._mapped = 0, np.empty(0, STORED[self._info.dtype])
        self.bytes = 0

    def __call__(self, start: int, stop: int) -> Floats:
        """Entries `start` to `stop` of the flattened tensor, float32; not to be written to."""
        return widen(self._stored(start, stop), self._info.dtype)

    def _stored(self, start: int, stop: int) -> NDArray[Any]:
        held = self._begin + len(self._mapped)
        if start < self._begin or stop > held:
            end = min(max(start + WINDOW, stop), self._info.size)
            place = self._info.begin + start * self._mapped.itemsize
            # The old window goes first: only one is mapped at a time.
            dtype = self._mapped.dtype
            self._mapped = np.empty(0, dtype)
            with naming(self._path, "read"):
                mapped = np.memmap(self._path, dtype, "r", place, (end - start,))
            self._begin, self._mapped = start, mapped.view(np.ndarray)
            self.bytes += mapped.nbytes
        return self._mapped[start - self._begin : stop - self._begin]
