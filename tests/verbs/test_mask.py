"""The verb `mask` end to end, and what `show` tells of importances and masks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from consolidation.importances import PARTS, SHAPES, write_importance
from continual_vqa.cli import main
from continual_vqa.consolidation.mask_file import read_mask

Capture = pytest.CaptureFixture[str]
SETTINGS = {"mask": {"scope": "per_part", "budget": {"vision": 0.5, "language": 0.25}}}


@pytest.fixture
def importances(tmp_path: Path) -> list[str]:
    numbers = np.random.default_rng(3)
    return [
        str(
            write_importance(
                tmp_path / f"{step}.safetensors",
                {name: numbers.random(shape, np.float32) for name, shape in SHAPES.items()},
                step=step,
                count=300,
            )
        )
        for step in (1, 2)
    ]


def mask(importances: list[str], settings: object, out: Path, *more: str) -> int:
    words = ["--importance", *importances, "--settings", json.dumps(settings), "--out", str(out)]
    return main(["mask", *words, *more])


def test_writes_a_mask_and_says_what_it_protects(
    importances: list[str], tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "mask.safetensors"
    assert mask(importances, SETTINGS, out) == 0
    text = capsys.readouterr().out
    assert "vision: 5 of 10 entries protected (50.0%), importance from 0.00" in text
    assert "language: 3 of 13 entries protected" in text
    header, masks = read_mask(out)
    assert (header["stage"], header["step"], header["base_sha256"]) == ("stage-2", "2", "base")
    assert {name: found.shape for name, found in masks.items()} == SHAPES
    first = out.read_bytes()
    assert mask(importances, SETTINGS, out, "--json") == 0
    assert json.loads(capsys.readouterr().out)["parts"][0]["protected"] == 3
    assert out.read_bytes() == first


def test_union_and_zeros_are_told(importances: list[str], tmp_path: Path, capsys: Capture) -> None:
    everything = {"budget": {"vision": 1, "language": 1}, "accumulate": "union"}
    zeros = {name: np.zeros(shape, np.float32) for name, shape in SHAPES.items()}
    write_importance(Path(importances[0]), zeros, step=1)
    write_importance(Path(importances[1]), zeros, step=2)
    assert mask(importances, {"mask": everything}, tmp_path / "m") == 0
    assert "vision: 10 of 10 entries protected (100.0%), 10 of them 0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mask": {"budget": {"vision": 2}}}, "mask.budget.vision"),
        ({"mask": {"scope": "all"}}, "mask.scope"),
        ({"masks": {}}, "masks: Extra inputs"),
        ({"mask": {"importance": {"samples": 5}}}, "measured with samples 300; expected 5"),
    ],
)
def test_a_mistake_is_one_line(
    importances: list[str], tmp_path: Path, settings: object, message: str, capsys: Capture
) -> None:
    assert mask(importances, settings, tmp_path / "m") == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_show_tells_of_a_mask(importances: list[str], tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "mask.safetensors"
    mask(importances, SETTINGS, out)
    capsys.readouterr()
    assert main(["show", str(out), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["entries"] == 23
    rows = {row["name"]: row for row in data["tensors"]}
    assert rows["a.weight"] | {"set_bits": 5} == {
        "name": "a.weight",
        "part": "vision",
        "dtype": "bits",
        "shape": [2, 5],
        "entries": 10,
        "norm": None,
        "not_finite": 0,
        "set_bits": 5,
    }
    assert [(row["part"], row["protected"]) for row in data["summary"]] == [
        ("language", 3),
        ("vision", 5),
    ]
    assert not {"parts", "shapes", "summary"} & data["header"].keys()
    assert main(["show", str(out)]) == 0
    text = capsys.readouterr().out
    assert "threshold" in text
    assert "settings.budget.vision" in text


def test_show_tells_of_an_importance_file(tmp_path: Path, capsys: Capture) -> None:
    task = {name: np.ones(shape, np.float32) for name, shape in SHAPES.items()}
    task |= {f"direction:{name}": 2 * value for name, value in task.items()}
    path = write_importance(tmp_path / "x.safetensors", task, count=300)
    assert main(["show", str(path), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    norms = {row["part"]: row["norm"] for row in data["parts"]}
    assert norms == pytest.approx(
        {
            "vision": 10**0.5,
            "language": 13**0.5,
            "vision (direction)": 40**0.5,
            "language (direction)": 52**0.5,
        }
    )
    assert data["header"]["count"] == "300"
    assert set(PARTS) < {row["name"] for row in data["tensors"]}
    assert main(["show", str(path)]) == 0
    text = capsys.readouterr().out
    assert "settings.kind" in text
    assert "fisher" in text
