from __future__ import annotations

import json
from pathlib import Path

import pytest

from continual_vqa.cli import main
from continual_vqa.files.hashing import sha256_file
from continual_vqa.files.parquet import read_table
from continual_vqa.shards.tables import MANIFEST
from shards.world import row, rows, write


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    write(tmp_path / "b", [row(1, 5, group="G2")], cell="train/count/G2")
    write(tmp_path / "a", rows(4))
    write(tmp_path / "c", [], cell="test/color/")
    return [str(tmp_path / name) for name in "bac"]


def test_one_row_per_cell(
    tmp_path: Path, folders: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "manifest.parquet"
    assert main(["manifest", "--cells", *folders, "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["questions"] == len(rows(4)) + 1
    content = read_table(out, MANIFEST).to_pylist()
    assert [entry["name"] for entry in content] == [
        "test/color/",
        "train/count/G1",
        "train/count/G2",
    ]
    assert content[1]["images"] == 4
    assert content[1]["sha256"] == sha256_file(tmp_path / "a" / "index.parquet")
    assert (content[0]["group"], content[0]["shards"], content[2]["skill"]) == ("", 0, "count")


def test_same_cells_give_the_same_bytes(tmp_path: Path, folders: list[str]) -> None:
    for name, order in (("x", folders), ("y", folders[::-1])):
        main(["manifest", "--cells", *order, "--out", str(tmp_path / name)])
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()


def test_missing_shard_and_repeated_cell_are_refused(
    tmp_path: Path, folders: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "manifest.parquet"
    assert main(["manifest", "--cells", folders[0], folders[0], "--out", str(out)]) == 2
    assert "train/count/G2 is given more than once" in capsys.readouterr().err
    next((tmp_path / "a").glob("*.tar")).unlink()
    assert main(["manifest", "--cells", *folders, "--out", str(out)]) == 2
    assert "the shard is missing" in capsys.readouterr().err
    assert not out.exists()
