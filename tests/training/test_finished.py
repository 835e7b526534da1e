"""Outputs that were removed come back from scratch, for the very same work and whole only."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from continual_vqa.training.finished import FOLDER, NOTE, Finished


@pytest.fixture
def outputs(tmp_path: Path) -> dict[str, Path]:
    found = {"model": tmp_path / "out" / "model.bin", "curve": tmp_path / "out" / "curve.bin"}
    for name, path in found.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(name.encode() * 100)
    return found


def test_removed_outputs_come_back_with_the_same_bytes(
    tmp_path: Path, outputs: dict[str, Path]
) -> None:
    before = {name: path.read_bytes() for name, path in outputs.items()}
    finished = Finished(tmp_path / "scratch", "work")
    assert not finished.put_back(outputs)
    finished.keep(outputs)
    # A further name, not a copy.
    assert outputs["model"].stat().st_nlink == 2
    for path in outputs.values():
        path.unlink()
    assert finished.put_back(outputs)
    assert {name: path.read_bytes() for name, path in outputs.items()} == before
    # Also where they are still there.
    assert finished.put_back(outputs)
    assert sorted(os.listdir(tmp_path / "out")) == ["curve.bin", "model.bin"]


@pytest.mark.parametrize("key", ["", "other work"])
def test_other_work_finds_nothing(tmp_path: Path, outputs: dict[str, Path], key: str) -> None:
    Finished(tmp_path / "scratch", "work").keep(outputs)
    outputs["model"].unlink()
    assert not Finished(tmp_path / "scratch", key).put_back(outputs)
    assert not outputs["model"].exists()


def test_only_the_last_work_is_kept(tmp_path: Path, outputs: dict[str, Path]) -> None:
    Finished(tmp_path / "scratch", "first").keep(outputs)
    Finished(tmp_path / "scratch", "second").keep(outputs)
    assert os.listdir(tmp_path / "scratch") == [FOLDER]
    assert not Finished(tmp_path / "scratch", "first").put_back(outputs)
    assert Finished(tmp_path / "scratch", "second").put_back(outputs)


def test_without_a_key_nothing_is_kept(tmp_path: Path, outputs: dict[str, Path]) -> None:
    Finished(tmp_path / "scratch", "").keep(outputs)
    assert not (tmp_path / "scratch").exists()


@pytest.mark.parametrize("name", ["model", "curve", NOTE])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_what_is_damaged_is_not_put_back(
    tmp_path: Path,
    outputs: dict[str, Path],
    name: str,
    damage: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    finished = Finished(tmp_path / "scratch", "work")
    finished.keep(outputs)
    kept = tmp_path / "scratch" / FOLDER / name
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 0x40
    kept.unlink()
    if damage != "remove":
        kept.write_bytes(content if damage == "flip" else content[:20])
    outputs["model"].unlink()
    assert not finished.put_back(outputs)
    assert not outputs["model"].exists()
    if (name, damage) != (NOTE, "remove"):
        assert "finished outputs not used" in capsys.readouterr().err


def test_a_file_system_without_links_keeps_nothing_and_says_so(
    tmp_path: Path,
    outputs: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    finished = Finished(tmp_path / "scratch", "work")
    finished.keep(outputs)
    assert "finished outputs not kept" in capsys.readouterr().err
    assert not finished.put_back(outputs)
    assert all(path.exists() for path in outputs.values())
