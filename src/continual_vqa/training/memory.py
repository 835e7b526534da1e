"""The memory of earlier tasks' questions, opened for replay."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from continual_vqa.consolidation.memory import MEMORY
from continual_vqa.errors import UserError
from continual_vqa.files.parquet import read_table
from continual_vqa.shards.index import read_index

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Remembered:
    """Kept questions of one cell: the cell's group and folder, the questions' numbers in it."""

    group: str
    folder: Path
    numbers: tuple[int, ...]
    size: int


def read_memory(path: Path, cells: Mapping[str, Path]) -> list[Remembered]:
    """The kept questions of each cell that has some.

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
        found.append(Remembered(cell.split("/")[2], cells[cell], numbers, len(ids)))
    return found


def recalled(
    memories: Sequence[Remembered],
    segment: str,
    examples: Callable[[Sequence[Path], Sequence[int]], S],
) -> S | None:
    """Examples of the memory of a segment's group, or of all groups for a segment of all.

    None when nothing of that group was kept.
    """
    chosen = [memory for memory in memories if segment in (memory.group, "all")]
    numbers, offset = [], 0
    for memory in chosen:
        numbers += [offset + number for number in memory.numbers]
        offset += memory.size
    return examples([memory.folder for memory in chosen], numbers) if numbers else None
