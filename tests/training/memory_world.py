"""Two tasks of two groups, and memories of chosen questions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

import tiny_model
from continual_vqa.config.training import TrainingConfig
from continual_vqa.consolidation.memory import MEMORY
from continual_vqa.files.parquet import write_table
from continual_vqa.shards.reader import open_cells
from continual_vqa.training.settings import TrainSettings
from continual_vqa.training.stage import StageFiles, train_stage

GROUPS = ("G2", "G1")
TRAINING = TrainingConfig(epochs=2, batch_size=10, lr=3e-3)
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


def train(
    world: Path,
    out: Path,
    replay: object,
    *,
    training: TrainingConfig = TRAINING,
    stop_after: int = 0,
    **files: Any,
) -> Path:
    """The checkpoint of the task color as a second task, with a recipe's `replay`."""
    out.mkdir(exist_ok=True)
    stage = {"task": "color", "step": 2, "seed": 3, "recipe": {"replay": replay}}
    settings = TrainSettings.model_validate({"stage": stage, "training": training})
    place = StageFiles(
        world / "base",
        None,
        cells(world, "color"),
        out / "scratch",
        out / "model.safetensors",
        out / "curve",
        **files,
    )
    train_stage(place, settings, torch.device("cpu"), stop_after=stop_after)
    return place.out
