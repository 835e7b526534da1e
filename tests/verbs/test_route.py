"""The verbs words, route and predict as a person calls them one after the other."""

from __future__ import annotations

from pathlib import Path

import pytest

import tiny_model
from continual_vqa.cli import main
from continual_vqa.evaluation.routes import ROUTES
from continual_vqa.evaluation.tables import PREDICTIONS
from continual_vqa.files.parquet import read_note, read_table
from continual_vqa.training.checkpoint import write_checkpoint

TASKS = ("color", "size")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("world")
    base_sha256 = tiny_model.base_folder(root / "base")
    for step, task in enumerate(TASKS, start=1):
        name, cell = tiny_model.cell(root / "cells", 4 * step, skill=task, seed=step)
        model = tiny_model.tiny(seed=step)
        write_checkpoint(
            root / f"{task}.safetensors",
            dict(model.named_parameters()),
            model,
            base_sha256=base_sha256,
            recipe={},
            stage=task,
            task=task,
            step=step,
        )
        words = ["words", "--task", task, "--cells", f"{name}={cell}"]
        assert main([*words, "--out", str(root / f"{task}.parquet")]) == 0
    assert main(route(root, root / "routes.parquet")) == 0
    return root


def cells(root: Path, *tasks: str) -> list[str]:
    return ["--cells", *(f"train/{task}/G1={root}/cells/train/{task}/G1" for task in tasks)]


def route(root: Path, out: Path) -> list[str]:
    words = [str(root / f"{task}.parquet") for task in TASKS]
    return ["route", "--words", *words, *cells(root, *TASKS), "--out", str(out)]


def predict(root: Path, out: Path, *tasks: str) -> list[str]:
    among = [f"{task}={root}/{task}.safetensors" for task in tasks]
    command = ["predict", "--base", str(root / "base"), "--routes", str(root / "routes.parquet")]
    command += ["--settings", '{"stage": {"task": "size", "step": 2}}', "--out", str(out)]
    return [*command, "--among", *among]


def test_questions_are_routed_and_then_answered(world: Path, tmp_path: Path) -> None:
    routes = read_table(world / "routes.parquet", ROUTES)
    assert routes["task"].to_pylist() == ["color"] * 4 + ["size"] * 8
    assert read_note(world / "routes.parquet") == {"tasks": "color size"}
    out = tmp_path / "p.parquet"
    assert main([*predict(world, out, *TASKS), *cells(world, *TASKS)]) == 0
    answers = read_table(out, PREDICTIONS)
    assert answers["question_id"].equals(routes["question_id"])
    assert answers["task"].equals(routes["skill"])
    assert set(answers["step"].to_pylist()) == {2}
    assert read_note(out)["among"] == "color size"


def test_mistakes_are_told_in_one_line(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "p.parquet"
    whole = predict(world, out, *TASKS)
    color, both = cells(world, "color"), cells(world, *TASKS)
    named = predict(world, out, "color", "color")
    foreign = ["words", "--task", "color", *cells(world, "size"), "--out", str(out)]
    model = ["--model", "base"]
    cases = [
        ([*whole, *color], "routes.parquet: routes 12 questions, which are not the 4 of the cells"),
        ([*whole, *both, *model], "--routes: who answers is not clear"),
        ([*whole[: whole.index("--among")], *both], "--routes: who answers is not clear"),
        ([*named, *both], "--among"),
        ([*predict(world, out, "nothing"), *both], "has no model"),
        (foreign, "train/size/G1 do not belong to task 'color'"),
        ([*route(world, out), "--words", str(world / "routes.parquet")], "has no column 'term'"),
    ]
    for command, words in cases:
        assert main(command) == 2
        told = capsys.readouterr().err
        assert words in told and told.count("\n") == 1
    assert not out.exists()
