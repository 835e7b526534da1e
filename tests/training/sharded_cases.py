"""Trains stages on two ranks, whole and sharded: `torchrun sharded_cases.py WORLD OUT`.

One start of the processes for all cases, because starting takes longer than all of them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NamedTuple

import torch

from continual_vqa.methods.guards import GuardFiles
from continual_vqa.training.inflight import Interrupted
from continual_vqa.training.ranks import Ranks, joined
from continual_vqa.training.settings import TrainSettings
from continual_vqa.training.stage import StageFiles, train_stage

CPU = torch.device("cpu")
GROUPS = ("G2", "G1")
IMPORTANCE = {"samples": 8, "direction": True}
MASK = {"kind": "mask", "importance": IMPORTANCE, "directional": 0.5}
PENALTY = {"kind": "penalty", "importance": IMPORTANCE, "strength": 10}


class Case(NamedTuple):
    """A base, a recipe, and the names of the files that its guards read."""

    base: str
    recipe: dict
    masks: tuple[str, ...] = ()
    importances: tuple[str, ...] = ()
    teacher: str = ""
    stack: tuple[str, ...] = ()


CASES: dict[str, Case] = {
    "align": Case("t5", {"guards": [{"kind": "align", "every": 2, "reset": "start"}]}),
    "mask": Case("t5", {"guards": [PENALTY, MASK]}, ("mask",), ("importance",)),
    "distil": Case(
        "t5-lora",
        {"tune": "lora", "guards": [{"kind": "distil", "strength": 1}]},
        teacher="earlier",
    ),
    "orthogonal": Case(
        "t5-lora",
        {"tune": "lora", "start": "stacked", "guards": [{"kind": "orthogonal"}]},
        stack=("earlier",),
    ),
    "bank": Case(
        "t5",
        {
            "tune": {"kind": "adapter_bank", "width": 4, "heads": 2},
            "start": "stacked",
            "deploy": "own",
        },
    ),
    "llava": Case("llava", {}),
    "paligemma": Case("paligemma", {}),
    "vilt": Case("vilt", {"tune": "lora"}),
}


def train(
    world: Path, place: Path, case: str, ranks: Ranks, *, sharded: bool, stop_after: int = 0
) -> dict[str, object]:
    own = CASES[case]
    stage = {"task": "color", "step": 2, "seed": 3, "recipe": own.recipe}
    # 24 questions a group: of the last batch the second rank has none, and pieces are uneven.
    training = {"epochs": 2, "batch_size": 23, "lr": 3e-3, "accumulation": 2, "clip": 0.5}
    cells = {f"train/color/{g}": world / "cells" / "train" / "color" / g for g in GROUPS}
    files = StageFiles(
        world / own.base,
        None,
        cells,
        place / "scratch",
        place / "model.safetensors",
        place / "curve",
        GuardFiles(
            [world / name for name in own.masks],
            [world / name for name in own.importances],
            world / own.teacher if own.teacher else None,
            [world / name for name in own.stack],
        ),
    )
    settings = TrainSettings.model_validate({"stage": stage, "training": training})
    return train_stage(files, settings, CPU, ranks=ranks, sharded=sharded, stop_after=stop_after)


def main(world: Path, out: Path) -> None:
    torch.set_num_threads(1)
    told = {}
    with joined(CPU) as ranks:
        for case in CASES:
            told[case] = [
                train(world, out / case / kind, case, ranks, sharded=kind == "sharded")
                for kind in ("whole", "sharded")
            ]
        # A state that sharded processes saved is continued by others, and the other way round.
        for number, sharded in enumerate((True, False)):
            again = out / f"resumed-{number}"
            try:
                train(world, again, "align", ranks, sharded=sharded, stop_after=3)
            except Interrupted:
                train(world, again, "align", ranks, sharded=not sharded)
        if ranks.first:
            (out / "told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
