"""Accuracy matrices as CSV of percentages: row i = after step i, column j = task j."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from continual_vqa.errors import UserError
from continual_vqa.files.jsons import utf8
from continual_vqa.files.reading import read_file

# A thousand steps of a thousand tasks. Choice of this project.
MAX_BYTES = 16 << 20
EXPECTED = "numbers from 0 to 100 (percent), or nothing where a task was not evaluated"


@dataclass(frozen=True, eq=False)
class NamedMatrix:
    """An accuracy matrix [steps, tasks] in percent with the names of its tasks."""

    tasks: tuple[str, ...]
    values: np.ndarray


def read_matrix(path: str | Path) -> NamedMatrix:
    """The matrix in `path`; its first row may hold the tasks' names.

    Raises
    ------
    UserError : not a table of percentages with as many rows as columns (or a single row), or a last
        row with empty cells
    """
    text = utf8(read_file(path, MAX_BYTES), path)
    try:
        rows = [row for row in csv.reader(io.StringIO(text), strict=True) if row]
    except csv.Error as error:
        raise UserError(f"not a CSV file: {error}", where=path, expected="UTF-8 text") from error
    if not rows:
        raise UserError("is empty", where=path, expected="one row a step, one column a task")
    named = [cell for cell in rows[0] if cell.strip()]
    header = bool(named) and not any(map(_is_number, named))
    tasks = rows[0] if header else [f"task {number + 1}" for number in range(len(rows[0]))]
    tasks = [task.strip() for task in tasks]
    if len(set(tasks)) < len(tasks):
        raise UserError("the header names a task twice", where=path, expected="different names")
    values = _values(rows, int(header), len(tasks), path)
    steps = len(values)
    if steps not in (1, len(tasks)):
        raise UserError(
            f"has {steps} steps and {len(tasks)} tasks",
            where=path,
            expected="as many rows as columns (row i = after step i), or one row (joint training)",
        )
    if np.isnan(values[-1]).any():
        column = int(np.isnan(values[-1]).argmax())
        raise UserError(
            f"the last row has no accuracy for {tasks[column]!r} (column {column + 1})",
            where=path,
            expected="every task evaluated after the last step",
        )
    return NamedMatrix(tuple(tasks), values)


def _values(rows: list[list[str]], first: int, columns: int, path: str | Path) -> np.ndarray:
    if len(rows) == first:
        raise UserError("has a header and no rows", where=path, expected="one row a step")
    values = np.full((len(rows) - first, columns), np.nan)
    for number, row in enumerate(rows[first:], start=first):
        if len(row) != columns:
            raise UserError(
                f"row {number + 1} has {len(row)} cells and row 1 has {columns}",
                where=path,
                expected="the same number of cells in every row",
                do="leave cells of tasks that were not evaluated empty, but keep their commas",
            )
        for column, cell in enumerate(row):
            if cell.strip():
                values[number - first, column] = _percent(cell, number, column, path)
    return values


def _percent(cell: str, row: int, column: int, path: str | Path) -> float:
    value = float(cell) if _is_number(cell) else math.nan
    if not 0 <= value <= 100:
        raise UserError(
            f"row {row + 1}, column {column + 1} is {cell.strip()!r}", where=path, expected=EXPECTED
        )
    return value


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
