"""The verb logits as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

import tiny_model
from continual_vqa.cli import main
from continual_vqa.consolidation.memory import MEMORY
from continual_vqa.files.parquet import write_table
from continual_vqa.files.tensors import read_header
from continual_vqa.shards.reader import open_cells


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    tiny_model.base_folder(folder / "base")
    tiny_model.cells(folder / "cells")
    ids = open_cells([folder / "cells/train/color/G1"]).question_ids
    rows = [
        {"cell": "train/color/G1", "question_id": ids[number], "number": number}
        for number in (4, 2)
    ]
    write_table(folder / "memory.parquet", pa.Table.from_pylist(rows, schema=MEMORY), MEMORY)
    return folder


def command(world: Path, out: Path, **settings: object) -> list[str]:
    content = {"stage": {"task": "color"}, **settings}
    cell = f"train/color/G1={world}/cells/train/color/G1"
    options = ["--base", str(world / "base"), "--model", "base"]
    options += ["--memory", str(world / "memory.parquet"), "--cells", cell]
    return ["logits", *options, "--settings", json.dumps(content), "--out", str(out)]


def test_logits_are_written(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "logits.safetensors"
    assert main([*command(world, out, top=3), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["questions"], summary["stored_of_each_token"]) == (2, 3)
    metadata, infos = read_header(out)
    assert json.loads(metadata["cells"]).keys() == {"train/color/G1"}
    assert infos["logits"].shape[1] == infos["ids"].shape[1] == 3
    before = out.read_bytes()
    assert main(command(world, out, top=3)) == 0
    assert out.read_bytes() == before


def test_mistakes_are_one_line(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "logits.safetensors"
    assert main(command(world, out, top=-1)) == 2
    assert "top" in capsys.readouterr().err
    assert main([*command(world, out), "--memory", str(tmp_path / "none.parquet")]) == 2
    assert "none.parquet" in capsys.readouterr().err
    assert not out.exists()
