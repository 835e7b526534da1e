from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from continual_vqa.cli import main
from continual_vqa.data.tables import write_questions
from continual_vqa.shards.reader import open_cells
from shards.world import files, jpeg, row, rows, table


@pytest.fixture
def world(tmp_path: Path) -> Path:
    content = [*rows(5), row(7, 7000, group="G2", skill="color")]
    write_questions(tmp_path / "questions.parquet", table(content))
    (tmp_path / "images").mkdir()
    for number, name in enumerate(sorted({str(entry["image_path"]) for entry in content})):
        (tmp_path / "images" / name).write_bytes(jpeg(number))
    return tmp_path


def arguments(world: Path, cell: str, *more: str) -> list[str]:
    paths = {"--questions": "questions.parquet", "--images": "images", "--out": "cell"}
    words = [word for name, path in paths.items() for word in (name, str(world / path))]
    return ["shard", "--cell", cell, *words, *more]


def test_cell_holds_its_questions_alone(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(world, "train/count/G1", "--json")) == 0
    summary = json.loads(capsys.readouterr().out)
    cells = open_cells([world / "cell"])
    assert summary["questions"] == len(cells) == len(rows(5))
    assert summary["images"] == 5
    assert {sample.skill for sample in cells} == {"count"}


def test_second_run_gives_the_same_bytes(world: Path) -> None:
    main(arguments(world, "train/count/G1"))
    before = files(world / "cell")
    main(arguments(world, "train/count/G1"))
    assert files(world / "cell") == before


def test_small_shards_without_checksums(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(arguments(world, "train/count/G1", "--max-mb", "0.004", "--no-checksums", "--json"))
    assert json.loads(capsys.readouterr().out)["shards"] == 5
    assert open_cells([world / "cell"], verify="never").indexes[0].note.checksums is False


def test_empty_cell_is_written_with_a_warning(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(world, "train/cuont/G1")) == 0
    assert "no question belongs to train/cuont/G1; there are" in capsys.readouterr().err
    assert len(open_cells([world / "cell"])) == 0


@pytest.mark.parametrize("cell", ["train", "train/count", "a/b/c/d", "/count/G1"])
def test_cell_that_is_no_cell_is_refused(
    world: Path, cell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(world, cell)) == 2
    assert "SPLIT/SKILL/GROUP" in capsys.readouterr().err
    assert not (world / "cell").exists()


@pytest.mark.parametrize("size", ["0", "-3", "nan", "inf"])
def test_size_that_is_no_size_is_refused(
    world: Path, size: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(world, "train/count/G1", "--max-mb", size)) == 2
    assert "--max-mb is" in capsys.readouterr().err


def test_missing_image_is_named(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(arguments(world, "train/count/G1"))
    before = files(world / "cell")
    (world / "images" / "3.jpg").unlink()
    assert main(arguments(world, "train/count/G1")) == 2
    assert "3.jpg" in capsys.readouterr().err
    assert files(world / "cell") == before


def test_neither_torch_nor_pandas_is_imported(world: Path) -> None:
    code = (
        "import sys; from continual_vqa.cli import main; from continual_vqa.shards.reader import "
        "open_cells; from continual_vqa.shards.verify import verify_cell; "
        "code = main(sys.argv[2:]); verify_cell(sys.argv[1]); list(open_cells([sys.argv[1]])); "
        "sys.exit(code or ' '.join({'torch', 'pandas'} & set(sys.modules)) or 0)"
    )
    words = [str(world / "cell"), *arguments(world, "train/count/G1")]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
