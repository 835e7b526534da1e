"""Entries of a tensor in a file, read a window at a time, whatever the tensor's size.

They are read into one buffer again and again: mapping as many windows costs more than copying them.
"""

from __future__ import annotations

import os

import numpy as np

from continual_vqa.consolidation.merging.dtypes import STORED, Floats, widen
from continual_vqa.consolidation.merging.models import Model
from continual_vqa.errors import UserError, naming


class Window:
    """A reader of one float tensor of one file.

    Attributes
    ----------
    bytes : how many bytes were read so far
    """

    def __init__(self, model: Model, name: str) -> None:
        self._model, self._info = model, model.infos[name]
        self._buffer = np.empty(0, STORED[self._info.dtype])
        self.bytes = 0

    def __call__(self, start: int, stop: int) -> Floats:
        """Entries `start` to `stop` of the flattened tensor, float32.

        They are not to be written to, and stand until the next call.

        Raises
        ------
        UserError : the file cannot be read, or has become shorter
        """
        count = stop - start
        if count > len(self._buffer):
            self._buffer = np.empty(count, self._buffer.dtype)
        window = self._buffer[:count]
        place = self._info.begin + start * window.itemsize
        with naming(self._model.path, "read"):
            found = os.preadv(self._model.descriptor, [window.data], place) if count else 0
        if found != window.nbytes:
            raise UserError(
                f"ended {window.nbytes - found:,} bytes early while it was read",
                where=self._model.path,
                do="see what else writes to it, and merge again",
            )
        self.bytes += found
        return widen(window, self._info.dtype)
