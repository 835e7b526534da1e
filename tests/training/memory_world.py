"""Two tasks of two groups, and memories of chosen questions."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

import tiny_model
from continual_vqa.consolidation.memory import MEMORY
from continual_vqa.files.parquet import write_table
from continual_vqa.shards.reader import open_cells

GROUPS = ("G2", "G1")
KEPT = {"train/count/G1": [3, 1, 7], "train/count/G2": [5]}


def make(folder: Path) -> Path:
    """A base model, the task color and the task count, of which questions are kept."""
    tiny_model.base_folder(folder / "base")
    tiny_model.cells(folder / "cells")
    for seed, group in enumerate(GROUPS):
        tiny_model.cell(folder / "cells", skill="count", group=group, seed=9 + seed)
    return folder


def cells(world: Path, skill: str) -> dict[str, Path]:
    names = [f"train/{skill}/{group}" for group in GROUPS]
    return {name: world / "cells" / name for name in names}


def memory(world: Path, path: Path, kept: dict[str, list[int]]) -> Path:
    rows = [
        {
            "cell": name,
            "question_id": open_cells([world / "cells" / name]).question_ids[number],
            "number": number,
        }
        for name, numbers in kept.items()
        for number in numbers
    ]
    write_table(path, pa.Table.from_pylist(rows, schema=MEMORY), MEMORY)
    return path
