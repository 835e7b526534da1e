from __future__ import annotations

import pytest

from continual_vqa.errors import UserError
from continual_vqa.shards.selection import cell_parts, select_cell
from shards.world import row, table


def test_rows_of_exactly_one_cell_are_selected() -> None:
    content = [
        row(1, 1),
        row(2, 2, split="test"),
        row(3, 3, skill="color"),
        row(4, 4, group="G2"),
        row(5, 5, group=""),
        row(6, 6),
    ]
    for cell, wanted in (("train/count/G1", ["1", "6"]), ("train/count/", ["5"])):
        assert select_cell(table(content), cell)["question_id"].to_pylist() == wanted


@pytest.mark.parametrize("cell", ["", "train/count", "a/b/c/d", "//", "a//G1"])
def test_other_names_are_refused(cell: str) -> None:
    with pytest.raises(UserError, match="can not name a cell"):
        cell_parts(cell)
