"""`continual-vqa download` against a local server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from continual_vqa.cli import main
from data.file_server import Faults, serve

CONTENT = b"official" * 500


def write_sources(folder: Path, url: str, **known: object) -> Path:
    path = folder / "sources.yaml"
    files = [{"file": name, "url": url, **known} for name in ("a.zip", "images/b.zip")]
    path.write_text(yaml.safe_dump({"vqav2": files}))
    return path


def test_fetch_record_and_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faults = Faults(CONTENT)
    out = tmp_path / "out"
    with serve(faults) as url:
        sources = write_sources(tmp_path, url)
        arguments = ["download", "--dataset", "vqav2", "--out", str(out)]
        arguments += ["--sources", str(sources)]
        assert main(arguments) == 0
        assert "a.zip  4,000 bytes" in capsys.readouterr().out
        assert (out / "images" / "b.zip").read_bytes() == CONTENT
        assert json.loads((out / "downloads.json").read_text())["a.zip"]["size"] == 4000
        assert main([*arguments, "--json"]) == 0
        again = json.loads(capsys.readouterr().out)["files"]
        assert all(file["was_there"] for file in again.values())
        assert len(faults.asked) == 2
        # Damage done after the download is found by the ledger.
        (out / "a.zip").write_bytes(CONTENT[:-1] + b"?")
        assert main(arguments) == 2
        assert f"{out / 'a.zip'}: has SHA-256" in capsys.readouterr().err


def test_only_some_files(tmp_path: Path) -> None:
    with serve(Faults(CONTENT)) as url:
        sources = write_sources(tmp_path, url)
        common = ["download", "--dataset", "vqav2", "--sources", str(sources)]
        common += ["--out", str(tmp_path / "out")]
        assert main([*common, "--only", "a.zip"]) == 0
    assert not (tmp_path / "out" / "images").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--dataset", "coco"], "unknown dataset 'coco'"),
        (["--dataset", "gqa", "--only", "x.zip"], "gqa has no file 'x.zip'"),
    ],
)
def test_wrong_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], message: str
) -> None:
    assert main(["download", "--out", str(tmp_path), *more]) == 2
    assert message in capsys.readouterr().err
