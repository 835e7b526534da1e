"""The memory of earlier tasks' questions, opened for replay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from continual_vqa.consolidation.memory import MEMORY
from continual_vqa.errors import UserError
from continual_vqa.files.parquet import read_table
from continual_vqa.shards.index import read_index

# A kept question: its cell and its number therein.
Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Remembered:
    """Kept questions of one cell: the cell's name and folder, the questions' numbers in it."""

    cell: str
    folder: Path
    numbers: tuple[int, ...]
    size: int

    @property
    def group(self) -> str:
        """The cell's concept group."""
        return self.cell.split("/")[2]

    @property
    def keys(self) -> list[Key]:
        """Its kept questions."""
        return [(self.cell, number) for number in self.numbers]


def read_memory(path: Path, cells: Mapping[str, Path], *, only: bool = False) -> list[Remembered]:
    """The kept questions of each cell that has some; with `only`, of the given cells alone.

    Raises
    ------
    UserError : a cell is not given, or does not hold the question that the memory names
    """
    rows: dict[str, list[tuple[int, str]]] = {}
    for row in read_table(path, MEMORY).to_pylist():
        rows.setdefault(row["cell"], []).append((row["number"], row["question_id"]))
    found = []
    for cell, kept in rows.items():
        if cell not in cells:
            if only:
                continue
            raise UserError(
                f"needs cell {cell}", where=path, expected="it among --memory-cells", do="add it"
            )
        ids = read_index(cells[cell]).table["question_id"]
        for number, question_id in kept:
            if number is None or not 0 <= number < len(ids) or ids[number].as_py() != question_id:
                raise UserError(
                    f"question {question_id} is not number {number} of {cell}",
                    where=path,
                    expected="the cells that the memory was chosen from",
                    do="choose the memory again",
                )
        numbers = tuple(number for number, _ in kept)
        found.append(Remembered(cell, cells[cell], numbers, len(ids)))
    return found


def among(memories: Sequence[Remembered], segment: str) -> list[Remembered]:
    """Those of a segment's group, or of all groups for a segment of all."""
    return [memory for memory in memories if segment in (memory.group, "all")]


def numbered(memories: Sequence[Remembered]) -> list[int]:
    """Numbers of the kept questions among all of the memories' cells, one after the other."""
    numbers, offset = [], 0
    for memory in memories:
        numbers += [offset + number for number in memory.numbers]
        offset += memory.size
    return numbers
