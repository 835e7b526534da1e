"""The verbs train and predict as a person calls them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import tiny_model
from continual_vqa.cli import main
from continual_vqa.evaluation.tables import PREDICTIONS
from continual_vqa.files.parquet import read_note, read_table

SETTINGS = {
    "stage": {"task": "color", "step": 1, "seed": 0, "id": "seed-0/01-color"},
    "training": {"epochs": 1, "batch_size": 12},
}
PREDICT = {"stage": SETTINGS["stage"]}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    tiny_model.base_folder(folder / "base")
    tiny_model.cells(folder / "cells")
    return folder


def options(world: Path, out: Path, **changes: str) -> list[str]:
    cells = [f"train/color/{g}={world}/cells/train/color/{g}" for g in ("G2", "G1")]
    values = {
        "--base": str(world / "base"),
        "--settings": json.dumps(SETTINGS),
        "--scratch": str(out / "scratch"),
        "--out": str(out / "model.safetensors"),
        "--curve": str(out / "curve.parquet"),
        **changes,
    }
    flat = [word for pair in values.items() for word in pair]
    return ["train", "--cells", *cells, *flat]


def test_train_then_predict(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*options(world, tmp_path), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["questions"], summary["steps"]) == (48, 4)
    (tmp_path / "settings.json").write_text(json.dumps(PREDICT))
    command = ["predict", "--base", str(world / "base"), "--settings"]
    command += [str(tmp_path / "settings.json"), "--out", str(tmp_path / "p.parquet"), "--cells"]
    command += [f"train/color/G1={world}/cells/train/color/G1"]
    for model in ("base", str(tmp_path / "model.safetensors")):
        assert main([*command, "--model", model]) == 0
    table = read_table(tmp_path / "p.parquet", PREDICTIONS)
    assert table.num_rows == 24
    assert read_note(tmp_path / "p.parquet")["model_stage"] == "seed-0/01-color"


def test_the_base_can_be_named_by_its_own_weights(world: Path, tmp_path: Path) -> None:
    weights = str(world / "base" / "model.safetensors")
    assert main(options(world, tmp_path, **{"--start": weights})) == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"--settings": "{"}, ["--settings", "JSON"]),
        ({"--settings": '{"stage": {"step": 0}}'}, ["stage.task", "stage.step"]),
        (
            {"--settings": '{"stage": {"task": "color"}, "training": {"epoch": 3}}'},
            ["training.epoch"],
        ),
        ({"--base": "nowhere"}, ["nowhere"]),
        ({"--start": "nowhere.safetensors"}, ["nowhere.safetensors"]),
        ({"--device": "cuda"}, ["--device", "GPU"]),
    ],
)
def test_mistakes_are_one_line(
    world: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, str],
    words: list[str],
) -> None:
    assert main(options(world, tmp_path, **changes)) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and len(error.splitlines()) == 1
    assert all(word in error for word in words)
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize("cell", ["color/G1=x", "train/color/G1", "train/color/G1="])
def test_a_malformed_cell_is_named(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], cell: str
) -> None:
    assert main([*options(world, tmp_path), "--cells", cell]) == 2
    assert cell in capsys.readouterr().err


def test_what_training_and_predicting_import(world: Path, tmp_path: Path) -> None:
    """Start-up is paid by every job: transformers and torch's compiler are seconds each."""
    script = (
        "import sys, json; from continual_vqa.cli import main;"
        "code = max(main(argv) for argv in json.loads(sys.argv[1]));"
        "heavy = {'transformers', 'peft', 'torch._dynamo', 'torch._inductor', 'sympy', 'pandas',"
        "'matplotlib', 'snakemake', 'webdataset'};"
        "print(sorted(heavy & set(sys.modules))); sys.exit(code)"
    )
    predict = ["predict", "--base", str(world / "base"), "--settings", json.dumps(PREDICT)]
    predict += ["--cells", f"train/color/G1={world}/cells/train/color/G1"]
    predict += ["--out", str(tmp_path / "p.parquet")]
    argv = json.dumps([options(world, tmp_path), predict])
    done = subprocess.run([sys.executable, "-c", script, argv], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_parsing_and_help_need_no_torch() -> None:
    script = (
        "import sys; import continual_vqa.verbs.train, continual_vqa.verbs.predict;"
        "import continual_vqa.verbs.pretrain; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "False"
