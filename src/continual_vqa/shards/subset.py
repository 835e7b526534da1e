"""Some of the questions of opened cells, in a chosen order, read like all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from continual_vqa.shards import arrow
from continual_vqa.shards.reader import Cells
from continual_vqa.shards.sample import Sample


class Subset(Sequence[Sample]):
    """Questions `numbers` of `cells`, renumbered from 0."""

    def __init__(self, cells: Cells, numbers: Sequence[int]) -> None:
        self._cells, self._numbers = cells, list(numbers)
        self.indexes = cells.indexes

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, number: int) -> Sample:  # type: ignore[override]
        return self._cells[self._numbers[number]]

    @property
    def pairs(self) -> np.ndarray:
        """(len(self),) bool, which of the chosen questions are about two images."""
        return self._cells.pairs[np.array(self._numbers, np.int64)]

    def table(self, columns: Sequence[str]) -> pa.Table:
        """These columns of the index for the chosen questions, in their order."""
        return self._cells.table(columns).take(arrow.numbers(np.array(self._numbers, np.int64)))
