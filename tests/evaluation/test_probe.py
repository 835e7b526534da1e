"""A probed model is the last one with exactly one part as it was earlier."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import tiny_model
from continual_vqa.backbones.folder import read_base
from continual_vqa.cli import main
from continual_vqa.errors import UserError
from continual_vqa.evaluation.predict import PredictSettings, predict
from continual_vqa.evaluation.probe import probe
from continual_vqa.evaluation.tables import PREDICTIONS
from continual_vqa.files.parquet import read_note, read_table
from continual_vqa.training.checkpoint import load_checkpoint, write_checkpoint

SETTINGS = '{"stage": {"task": "shape", "step": 3}}'
PARTS = ("vision", "language")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base, checkpoints of three steps with other weights each, cells of two tasks."""
    folder = tmp_path_factory.mktemp("probe")
    base = tiny_model.base_folder(folder / "base")
    for step in (1, 2, 3):
        model = tiny_model.tiny(seed=step)
        path = folder / f"{step}.safetensors"
        names = {"base_sha256": base, "recipe": {}, "stage": f"s{step}", "task": "color"}
        write_checkpoint(path, dict(model.named_parameters()), model, **names, step=step)
    for seed, skill in enumerate(("color", "count")):
        tiny_model.cell(folder / "cells", 6, skill=skill, seed=seed)
    return folder


def cells(folder: Path) -> dict[str, Path]:
    names = [f"train/{skill}/G1" for skill in ("color", "count")]
    return {name: folder / "cells" / name for name in names}


@pytest.mark.parametrize("part", PARTS)
def test_only_the_part_is_restored(folder: Path, part: str) -> None:
    model, base = read_base(folder / "base")
    header = load_checkpoint(folder / "3.safetensors", model, base)
    earlier = {"color": folder / "1.safetensors", "count": folder / "2.safetensors"}
    settings = PredictSettings.model_validate_json(SETTINGS)
    table, summary = probe(model, header, base, part, earlier, cells(folder), settings)
    assert table.schema.equals(PREDICTIONS)
    assert table["task"].to_pylist() == ["color"] * 6 + ["count"] * 6
    assert set(table["step"].to_pylist()) == {3} and summary["tasks"] == 2
    # What is left behind: the last model with the part of the last task probed.
    wanted = {False: tiny_model.tiny(seed=3), True: tiny_model.tiny(seed=2)}
    for name, tensor in model.named_parameters():
        expected = dict(wanted[model.part_of(name) == part].named_parameters())[name]
        assert torch.equal(tensor, expected), name
    again, _ = predict(model, {"c": cells(folder)["train/count/G1"]}, settings)
    assert again["score"].to_pylist() == table["score"].to_pylist()[6:]


def test_the_parts_are_all_there_is(folder: Path) -> None:
    model, base = read_base(folder / "base")
    header = load_checkpoint(folder / "3.safetensors", model, base)
    settings = PredictSettings.model_validate_json(SETTINGS)
    earlier = {"color": folder / "1.safetensors"}
    for part in PARTS:
        probe(model, header, base, part, earlier, cells(folder), settings)
    first = dict(tiny_model.tiny(seed=1).named_parameters())
    assert all(torch.equal(tensor, first[name]) for name, tensor in model.named_parameters())


def test_a_task_without_cells_is_named(folder: Path) -> None:
    model, base = read_base(folder / "base")
    header = load_checkpoint(folder / "3.safetensors", model, base)
    settings = PredictSettings.model_validate_json(SETTINGS)
    with pytest.raises(UserError, match="no cells of task 'judge'"):
        probe(model, header, base, "vision", {"judge": folder / "1.safetensors"}, {}, settings)


def command(folder: Path, out: Path, earlier: str) -> list[str]:
    given = [f"{name}={path}" for name, path in cells(folder).items()]
    options = ["--base", str(folder / "base"), "--model", str(folder / "3.safetensors")]
    options += ["--part", "vision", "--earlier", earlier, "--cells", *given]
    return ["probe", *options, "--settings", SETTINGS, "--out", str(out)]


def test_the_verb_says_what_was_restored(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "p.parquet"
    assert main(command(folder, out, f"color={folder / '1.safetensors'}")) == 0
    assert read_table(out, PREDICTIONS).num_rows == 6
    assert read_note(out)["restored"] == "vision"


@pytest.mark.parametrize(
    ("earlier", "message"),
    [("color", "is no task"), ("color=nowhere.safetensors", "nowhere.safetensors")],
)
def test_a_mistake_is_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], earlier: str, message: str
) -> None:
    assert main(command(folder, tmp_path / "p.parquet", earlier)) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
