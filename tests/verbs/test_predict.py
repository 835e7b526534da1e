"""Mistakes that only `predict` can be told; that it works is tested with `train`."""

from __future__ import annotations

from pathlib import Path

import pytest

import tiny_model
from continual_vqa.cli import main
from continual_vqa.training.checkpoint import write_checkpoint


def predict(folder: Path, *more: str) -> int:
    name, cell = tiny_model.cell(folder / "cells", 3)
    tiny_model.base_folder(folder / "base")
    command = ["predict", "--base", str(folder / "base"), "--cells", f"{name}={cell}"]
    command += ["--settings", '{"stage": {"task": "color"}}', "--out", str(folder / "p.parquet")]
    return main([*command, *more])


def test_a_model_of_another_base_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tiny_model.tiny()
    write_checkpoint(
        tmp_path / "m.safetensors",
        dict(model.named_parameters()),
        model,
        base_sha256="f" * 64,
        recipe={},
        stage="",
        task="color",
        step=1,
    )
    assert predict(tmp_path, "--model", str(tmp_path / "m.safetensors")) == 2
    assert "was trained from base ffffffffffff" in capsys.readouterr().err
    assert not (tmp_path / "p.parquet").exists()


def test_unknown_settings_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = '{"stage": {"task": "color"}, "evaluation": {"beams": 3}}'
    assert predict(tmp_path, "--settings", settings) == 2
    assert "evaluation.beams" in capsys.readouterr().err
