"""How far a merge is from its models, against the plain formula."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import tiny_model
from continual_vqa.backbones.folder import read_base
from continual_vqa.cli import main
from continual_vqa.config.training import TrainingConfig
from continual_vqa.errors import UserError
from continual_vqa.evaluation.drift import DriftSettings, drift
from continual_vqa.training.checkpoint import write_checkpoint
from continual_vqa.training.examples import Examples
from continual_vqa.training.loading import load_model
from continual_vqa.training.settings import StageIdentity

CPU = torch.device("cpu")
SETTINGS = DriftSettings(
    stage=StageIdentity(task="color"),
    questions=7,
    training=TrainingConfig(batch_size=3, target="majority"),
)


class World:
    """A base, a cell of its questions, and checkpoints of random weights."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name, self.cell = tiny_model.cell(folder / "cells", 12)
        tiny_model.base_folder(folder / "base")

    def checkpoint(self, seed: int, task: str = "color") -> Path:
        model, base_sha256 = read_base(self.folder / "base")
        drawn = dict(tiny_model.tiny(seed=seed).named_parameters())
        path = self.folder / f"{task}-{seed}.safetensors"
        about = {"recipe": {}, "stage": f"seed-0/{seed}", "task": task, "step": 1}
        write_checkpoint(path, drawn, model, base_sha256=base_sha256, **about)
        return path

    def drift(self, merged: Path, *models: Path) -> list[dict]:
        cells = {self.name: self.cell}
        return drift(self.folder / "base", merged, models, cells, SETTINGS, CPU)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_model_does_not_drift_from_itself(world: World) -> None:
    same = world.checkpoint(1)
    (row,) = world.drift(same, same)
    assert row["divergence"] == pytest.approx(0, abs=1e-6)
    assert row["agreement"] == 1
    assert row["loss"] == row["merged_loss"]
    assert row["questions"] == 7


def test_it_is_the_divergence_from_each_model(world: World) -> None:
    merged, models = world.checkpoint(1), [world.checkpoint(2), world.checkpoint(3)]
    rows = world.drift(merged, *models)
    assert [row["stage"] for row in rows] == ["seed-0/2", "seed-0/3"]
    assert all(row["divergence"] > 0.01 for row in rows)
    swapped = world.drift(models[0], merged)[0]
    assert swapped["loss"] == pytest.approx(rows[0]["merged_loss"])
    assert swapped["agreement"] == rows[0]["agreement"]
    assert swapped["divergence"] != pytest.approx(rows[0]["divergence"], rel=1e-3)


@torch.inference_mode()
def test_all_questions_give_the_plain_mean(world: World) -> None:
    before, after = (load_model(world.folder / "base", world.checkpoint(n), CPU)[0] for n in (1, 2))
    before.eval(), after.eval()
    settings = SETTINGS.model_copy(update={"questions": 10_000})
    examples = Examples(
        [world.cell],
        before,
        settings.training,
        settings.shards,
        sees="image_and_question",
        workers=0,
    )
    everything = [np.arange(len(examples))]
    ((batch, _),) = examples.stream(everything, np.zeros(len(examples)))
    assert batch.answers is not None
    own, other = (model.logits(batch).double().softmax(-1) for model in (before, after))
    each = (own * (own / other).log()).sum(-1)[batch.answers != before.words.pad]
    cells = {world.name: world.cell}
    paths = [world.folder / f"color-{n}.safetensors" for n in (1, 2)]
    (row,) = drift(world.folder / "base", paths[1], paths[:1], cells, settings, CPU)
    assert row["divergence"] == pytest.approx(float(each.mean()), rel=1e-4)


def test_a_model_of_another_task_needs_its_cells(world: World) -> None:
    with pytest.raises(UserError, match="no cell of its task 'count'"):
        world.drift(world.checkpoint(1), world.checkpoint(2, "count"))


def test_the_verb_writes_the_report(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    merged, model = world.checkpoint(1), world.checkpoint(2)
    out = world.folder / "drift.json"
    command = ["drift", "--base", str(world.folder / "base"), "--merged", str(merged)]
    command += ["--models", str(model), "--cells", f"{world.name}={world.cell}", "--out", str(out)]
    command += ["--settings", '{"stage": {"task": "color"}, "questions": 5}']
    assert main(command) == 0
    (row,) = json.loads(out.read_text())["models"]
    assert row["questions"] == 5
    assert "nats a token" in capsys.readouterr().out
