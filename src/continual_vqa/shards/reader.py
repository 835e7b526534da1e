"""Random access to the questions of several cells, straight from the mapped shards."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from continual_vqa.errors import UserError
from continual_vqa.shards.index import CellIndex, read_index
from continual_vqa.shards.mapping import MappedShards
from continual_vqa.shards.sample import Columns, Sample, Wide
from continual_vqa.shards.tar import BLOCK
from continual_vqa.shards.verify import verify_cell

Verify = Literal["never", "read", "open"]


def open_cells(folders: Sequence[str | Path], *, verify: Verify | bool = "read") -> Cells:
    """Open cells for reading; their questions are numbered in the order of `folders`.

    Parameters
    ----------
    folders : of cells
    verify : "never" (or False); "read" (or True): the payload of every sample that is read is
        compared with its SHA-256, about 25 µs per 40 KB; "open": all bytes of all cells are
        compared once, now. A cell written without checksums is then refused, never skipped.

    Raises
    ------
    UserError : a missing or damaged cell, an index of another version
    """
    mode: Verify = {True: "read", False: "never"}.get(verify, verify)  # type: ignore[call-overload]
    cells = Cells(tuple(Path(folder) for folder in folders), mode == "read")
    if mode != "never":
        cells.require_checksums()
    if mode == "open":
        for folder in folders:
            verify_cell(folder)
    return cells


class Cells(Sequence[Sample]):
    """The questions of several cells as one sequence of samples.

    Shards are mapped when first read. Threads may share it; a pickled or forked copy opens its own.
    """

    def __init__(self, folders: tuple[Path, ...], verify_reads: bool) -> None:
        self.folders = folders
        self._verify = verify_reads
        self.indexes: list[CellIndex] = [read_index(folder) for folder in folders]
        self._columns: list[Columns | None] = [None] * len(folders)
        self._sums: list[list[bytes]] = [[] for _ in folders]
        self._second_sums: list[list[bytes]] = [[] for _ in folders]
        self._ends = list(accumulate(index.table.num_rows for index in self.indexes))
        self._shards = MappedShards()

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[Sample]:
        return (self[number] for number in range(len(self)))

    def __reduce__(self) -> tuple[Any, ...]:
        return Cells, (self.folders, self._verify)

    def __getitem__(self, number: int) -> Sample:  # type: ignore[override]
        """The sample of question `number` (0 .. len - 1).

        Raises
        ------
        UserError : the shard is missing, truncated or another one, or the payload is damaged
        """
        cell, row = self._locate(number)
        columns = self._columns[cell] or self._load(cell)
        shard = columns.shard[row]
        view = self._shards.get(cell, shard, self.indexes[cell])
        offset = columns.offset[row]
        member = columns.member[row]
        # The member's name stands at the start of its header: it tells a shard of another index.
        if view[offset - BLOCK : offset - BLOCK + len(member)] != member:
            raise self._damaged(cell, row, "holds something else where the index says it is")
        payload = view[offset : offset + columns.size[row]]
        if self._verify and hashlib.sha256(payload).digest() != self._sums[cell][row]:
            raise self._damaged(cell, row, "is damaged: its SHA-256 differs from the index")
        values = columns.rows[row]
        if columns.wide is None:
            return Sample(*values, payload)  # pyright: ignore[reportCallIssue]
        second = self._second(cell, row, columns.wide, view)
        return Sample(*values, payload, columns.wide.choices[row], second)  # pyright: ignore[reportCallIssue]

    @cached_property
    def question_ids(self) -> list[str]:
        """The question ids, in order."""
        return self.table(["question_id"])["question_id"].to_pylist()

    def table(self, columns: Sequence[str]) -> pa.Table:
        """These columns of the index (`shards.tables.INDEX`) for all questions, in order."""
        if not self.indexes:
            raise UserError("no cell was given", expected="at least one")
        return pa.concat_tables([index.columns(columns) for index in self.indexes])

    @property
    def pairs(self) -> np.ndarray:
        """(len(self),) bool, which questions are about two images."""
        return np.concatenate([index.pairs for index in self.indexes])

    def require_checksums(self) -> None:
        """Refuse cells that were written without checksums."""
        for index in self.indexes:
            if not index.note.checksums:
                raise UserError(
                    "was written without checksums",
                    where=index.file,
                    expected="checksums, as shards.verify asks for them",
                    do="write the cell with checksums, or set shards.verify to never",
                )

    def cell_of(self, number: int) -> str:
        """The name of the cell that holds question `number`."""
        return self.indexes[self._locate(number)[0]].note.cell

    def _locate(self, number: int) -> tuple[int, int]:
        if not 0 <= number < len(self):
            raise IndexError(f"question {number} of {len(self)}")
        cell = bisect_right(self._ends, number)
        return cell, int(number) - (self._ends[cell - 1] if cell else 0)

    def _load(self, cell: int) -> Columns:
        if self._verify:
            index = self.indexes[cell]
            self._sums[cell] = index.table["payload_sha256"].to_pylist()
            if index.note.version != "1":
                self._second_sums[cell] = index.table["second_sha256"].to_pylist()
        # Last: another thread may be waiting for it.
        columns = self._columns[cell] = Columns(self.indexes[cell])
        return columns

    def _second(self, cell: int, row: int, wide: Wide, view: memoryview) -> memoryview:
        second = view[wide.offset[row] : wide.offset[row] + wide.size[row]]
        if self._verify and hashlib.sha256(second).digest() != self._second_sums[cell][row]:
            raise self._damaged(cell, row, "has a damaged second image: its SHA-256 differs")
        return second

    def _damaged(self, cell: int, row: int, what: str) -> UserError:
        index = self.indexes[cell]
        table = index.table.slice(row, 1).to_pylist()[0]
        return UserError(
            f"image {table['key']} (question {table['question_id']}) {what}",
            where=index.folder / index.note.shards[table["shard"]].name,
            do="delete its folder and write the cell again",
        )
