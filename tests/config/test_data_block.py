"""The data block finds official files as they are published."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from continual_vqa.config.data import DataConfig
from continual_vqa.data.sources import read_sources


def test_every_official_file_is_read_from_what_is_downloaded(tmp_path: Path) -> None:
    for dataset in ("vqav2", "gqa"):
        root = tmp_path / dataset
        for source in read_sources()[dataset]:
            path = root / source.file
            path.parent.mkdir(parents=True, exist_ok=True)
            zipfile.ZipFile(path, "w").close()
        data = DataConfig(dataset=dataset, taxonomy="gqa")
        for path in data.raw_files(str(root)):
            assert Path(path).is_file()
        assert all("!/" in path for path in data.files("questions", str(root)))


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_plain_files_come_before_archives(tmp_path: Path, suffix: str) -> None:
    name = "train_balanced_questions.json"
    (tmp_path / f"{name}{suffix}").touch()
    (tmp_path / "questions1.2.zip").touch()
    data = DataConfig(dataset="gqa")
    first, second = data.files("questions", str(tmp_path))
    assert first == str(tmp_path / f"{name}{suffix}")
    assert second == str(tmp_path / "questions1.2.zip!/val_balanced_questions.json")


def test_absent_files_keep_their_plain_name() -> None:
    files = DataConfig().files("instances", "nowhere")
    assert files[0] == "nowhere/annotations/instances_train2014.json"


def test_patterns(tmp_path: Path) -> None:
    for name in ("b.json", "a.json", "c.txt"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).touch()
    data = DataConfig(questions=("in/*.json", "none*.json", "x.zip!/[a].json"))
    assert data.files("questions", str(tmp_path)) == tuple(
        str(tmp_path / name) for name in ("in/a.json", "in/b.json", "none*.json", "x.zip!/[a].json")
    )
    absolute = DataConfig(questions=(str(tmp_path / "in" / "*.json"),))
    assert len(absolute.files("questions", "elsewhere")) == 2


def test_payload() -> None:
    assert DataConfig().payload("r") == {"kind": "images", "path": "r/images"}
    regions = DataConfig(images="", features="f.tsv")
    assert regions.payload("r") == {"kind": "features", "path": "r/f.tsv"}
    assert DataConfig(images="").payload("r") == {"kind": "images", "path": ""}
    assert DataConfig().format == "vqav2"
