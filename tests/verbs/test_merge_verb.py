"""The verb `merge` end to end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from consolidation.merging.merge_world import World, read
from continual_vqa.cli import main
from continual_vqa.files.tensors import read_header

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, count=2)


def merge(world: World, settings: object, *more: str) -> int:
    words = ["--models", *map(str, world.stages), "--settings", json.dumps(settings)]
    out = ["--out", str(world.folder / "m"), "--report", str(world.folder / "r.json")]
    return main(["merge", "--base", str(world.base), *words, *out, *more])


def test_writes_a_checkpoint_and_a_report(world: World, capsys: Capture) -> None:
    stage = {"id": "merged/2", "task": "color", "step": 2, "recipe": {"title": "PAM"}}
    assert merge(world, {"merge": {"kind": "running"}, "tasks": 4, "stage": stage}) == 0
    text = capsys.readouterr().out
    assert text.startswith("running of 2 models -> ")
    assert "vision: 87 entries in 3 tensors, " in text and "% of them in conflict" in text
    one, two = world.arrays
    found = read(world.folder / "m")
    for name in one:
        np.testing.assert_allclose(found[name], 0.75 * one[name] + 0.25 * two[name], rtol=1e-5)
    header, _ = read_header(world.folder / "m")
    assert (header["stage"], header["task"], header["step"]) == ("merged/2", "color", "2")
    assert json.loads(header["recipe"])["title"] == "PAM"
    report = json.loads((world.folder / "r.json").read_text())
    assert (report["kind"], report["tasks"], report["level"]) == ("running", 4, "full")
    assert [row["path"] for row in report["inputs"]] == [str(path) for path in world.stages]
    assert len(report["tensors"]) == 7 and report["modules"] == []


def test_json_and_updates(world: World, capsys: Capture) -> None:
    settings = {"merge": {"kind": "average", "space": "updates"}, "tasks": 2, "report": "brief"}
    assert merge(world, settings, "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert 0 < summary["largest_refactor_error"] < 1
    assert not {"tensors", "modules"} & summary.keys()
    assert merge(world, settings) == 0
    assert "largest error of refactoring" in capsys.readouterr().out
    # Without a stage in the settings the header is the last model's.
    assert read_header(world.folder / "m")[0]["stage"] == "stage-2"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tasks": 0}, "tasks: "),
        ({}, "tasks: Field required"),
        ({"merge": {"kind": "mean"}, "tasks": 2}, "merge: "),
        ({"merge": {"kind": "ties", "density": 0}, "tasks": 2}, "merge.ties.density"),
        ({"merge": {"kind": "linear", "of": "all"}, "tasks": 2}, "merge.linear.of"),
    ],
)
def test_a_mistake_is_one_line(
    world: World, settings: object, message: str, capsys: Capture
) -> None:
    assert merge(world, settings) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (world.folder / "m").exists()


def test_a_merged_checkpoint_is_read_as_a_stage(tmp_path: Path) -> None:
    """Training and predicting load it by the reader of stage checkpoints."""
    import torch

    import tiny_model
    from continual_vqa.training.checkpoint import load_checkpoint, write_checkpoint

    digest = tiny_model.base_folder(tmp_path / "base")
    model, stages = tiny_model.tiny(), []
    tensors = dict(model.named_parameters())
    for step in (1, 2):
        stages.append(tmp_path / f"{step}.safetensors")
        moved = {name: tensor + step for name, tensor in tensors.items()}
        write_checkpoint(
            stages[-1], moved, model, base_sha256=digest, recipe={}, stage="", task="x", step=step
        )
    world = object.__new__(World)
    world.folder, world.base = tmp_path, tmp_path / "base" / "model.safetensors"
    world.stages = stages
    assert merge(world, {"tasks": 2}) == 0
    loaded = tiny_model.tiny()
    load_checkpoint(tmp_path / "m", loaded, digest)
    for name, tensor in loaded.named_parameters():
        torch.testing.assert_close(tensor, tensors[name] + 1.5)
