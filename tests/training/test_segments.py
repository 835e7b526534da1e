"""How the cells of a task become the segments of its training."""

from __future__ import annotations

from pathlib import Path

import pytest

from continual_vqa.errors import UserError
from continual_vqa.training.stage import segments_of

CELLS = {name: Path(name) for name in ("train/color/G2", "train/color/G1")}


def test_a_skill_has_a_segment_for_each_group() -> None:
    found = segments_of(CELLS, "color", "per_group")
    assert found == {"G2": [Path("train/color/G2")], "G1": [Path("train/color/G1")]}
    assert list(found) == ["G2", "G1"]


def test_a_single_cell_is_one_segment_that_recalls_every_group() -> None:
    one = {"train/color~1/G2": Path("cell")}
    assert segments_of(one, "color~1.G2", "per_group") == {"all": [Path("cell")]}


@pytest.mark.parametrize("task", ["color.G1", "color~1", "count", "color~1.G2"])
def test_cells_of_another_task_are_refused(task: str) -> None:
    with pytest.raises(UserError, match=f"train/color/G2.* do not belong to task '{task}'"):
        segments_of(CELLS, task, "per_group")
