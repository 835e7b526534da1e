"""Reads back what `table_formats.as_markdown` wrote: a pipe table with a note below."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from continual_vqa.errors import UserError
from continual_vqa.files.jsons import utf8
from continual_vqa.files.reading import read_file

# Far above a table that somebody reads.
MAX_BYTES = 16 << 20
_BAR = re.compile(r"(?<!\\)\|")
_RULES = ("---", "---:")


@dataclass(frozen=True, slots=True)
class PipeTable:
    """Cells as they are shown.

    Attributes
    ----------
    headings : of the columns
    numeric : of each column, whether it is aligned to the right
    rows : the cells, as many in each row as there are headings
    note : how the numbers were made
    """

    headings: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str


def read_pipe_table(path: str | Path) -> PipeTable:
    """The table in a Markdown file of the verb `table`.

    Raises
    ------
    UserError : the file is missing, or holds no such table
    """
    # Not splitlines(): a cell may hold one of the rarer ends of lines.
    lines = utf8(read_file(path, MAX_BYTES), path).split("\n")
    length = next((n for n, line in enumerate(lines) if not line.startswith("|")), len(lines))
    cells = [_cells(line) for line in lines[:length]]
    if length < 2 or not set(cells[1]) <= set(_RULES) or len({len(row) for row in cells}) > 1:
        raise UserError(
            "is no table of `continual-vqa table`",
            where=path,
            expected="headings, a rule, and rows of as many cells",
            do="make it again",
        )
    headings, rules, *rows = cells
    numeric = tuple(rule.endswith(":") for rule in rules)
    return PipeTable(headings, numeric, tuple(rows), " ".join(lines[length:]).strip())


def _cells(line: str) -> tuple[str, ...]:
    inner = _BAR.split(line)[1:-1]
    return tuple(cell.strip().replace("\\|", "|") for cell in inner)
