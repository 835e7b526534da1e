"""Which questions belong to a cell: a cell is named SPLIT/SKILL/GROUP."""

from __future__ import annotations

# pyarrow makes the functions of `compute` when imported, out of a type checker's sight.
# pyright: reportAttributeAccessIssue=false
import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.errors import UserError
from continual_vqa.shards import arrow

PARTS = ("split", "skill", "group")


def cell_parts(cell: str) -> dict[str, str]:
    """The split, skill and group of a cell's name; the group may be empty (in no group).

    Raises
    ------
    UserError : not three parts
    """
    parts = cell.split("/")
    if len(parts) != len(PARTS) or not parts[0] or not parts[1]:
        raise UserError(
            f"{cell!r} can not name a cell",
            expected="SPLIT/SKILL/GROUP, such as train/count/G1",
        )
    return dict(zip(PARTS, parts, strict=True))


def select_cell(questions: pa.Table, cell: str) -> pa.Table:
    """The rows of `questions` that belong to `cell`; there may be none."""
    chosen = None
    for name, value in cell_parts(cell).items():
        equal = pc.equal(questions[name], arrow.scalar(value))
        chosen = equal if chosen is None else pc.and_(chosen, equal)
    return questions.filter(chosen)


def present(questions: pa.Table) -> dict[str, list[str]]:
    """The splits, skills and groups that occur, to help with a mistyped name."""
    return {name: sorted(questions[name].unique().to_pylist()) for name in PARTS}
