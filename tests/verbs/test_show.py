from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from continual_vqa.cli import main
from continual_vqa.data.tables import write_questions
from shards.world import flip, rows, table, write

Capture = pytest.CaptureFixture[str]


def shown(capsys: Capture, *words: object) -> tuple[str, dict]:
    """What `show` prints for a person, and as JSON."""
    assert main(["show", *map(str, words)]) == 0
    text = capsys.readouterr().out
    assert main(["show", *map(str, words), "--json"]) == 0
    return text, json.loads(capsys.readouterr().out)


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    write(tmp_path / "cell", rows(6), max_bytes=10**6)
    return tmp_path / "cell"


def test_shard(cell: Path, capsys: Capture) -> None:
    text, data = shown(capsys, cell / "train-count-G1-00000.tar", "--head", 2)
    assert (data["samples"], data["questions"], len(data["head"])) == (6, len(rows(6)), 2)
    assert data["head"][1] | {"jpg": 0, "json": 0} == {
        "key": "1",
        "jpg": 0,
        "json": 0,
        "questions": 2,
        "first": 'How many "öl" are in 1000? 1000',
    }
    assert "samples       6" in text
    assert 'How many "öl" are in 1000? 1000' in text


@pytest.mark.parametrize("name", ["", "index.parquet"])
def test_cell_and_its_index(cell: Path, name: str, capsys: Capture) -> None:
    text, data = shown(capsys, cell / name)
    assert (data["kind"], data["cell"], data["images"]) == ("cell", "train/count/G1", 6)
    assert data["shards"][0]["name"] == "train-count-G1-00000.tar"
    assert "train-count-G1-00000.tar" in text


def test_table(tmp_path: Path, capsys: Capture) -> None:
    write_questions(tmp_path / "q.parquet", table(rows(6)), note={"taxonomy": "vqacl"})
    text, data = shown(capsys, tmp_path / "q.parquet", "--head", 3)
    assert (data["rows"], data["note"], len(data["head"])) == (
        len(rows(6)),
        {"taxonomy": "vqacl"},
        3,
    )
    assert {"name": "skill", "type": "string", "distinct": 1} in data["columns"]
    assert "taxonomy" in text


def test_manifest(cell: Path, tmp_path: Path, capsys: Capture) -> None:
    main(["manifest", "--cells", str(cell), "--out", str(tmp_path / "m.parquet")])
    capsys.readouterr()
    text, data = shown(capsys, tmp_path / "m.parquet")
    assert data["head"][0]["name"] == "train/count/G1"
    assert "train/count/G1" in text


def test_checkpoint(tmp_path: Path, capsys: Capture) -> None:
    tensors = {
        "a.weight": np.full((3, 4), 2, np.float32),
        "b.weight": np.array([3.0, np.nan], np.float16),
        "mask": np.array([0b1011, 255], np.uint8),
    }
    header = {"step": "2", "parts": json.dumps({"a.weight": "vision", "b.weight": "language"})}
    save_file(tensors, tmp_path / "model.safetensors", metadata=header)
    for path in (tmp_path, tmp_path / "model.safetensors"):
        text, data = shown(capsys, path)
        by_name = {entry["name"]: entry for entry in data["tensors"]}
        assert by_name["a.weight"]["norm"] == pytest.approx(48**0.5)
        assert (by_name["b.weight"]["norm"], by_name["b.weight"]["not_finite"]) == (3.0, 1)
        assert by_name["mask"]["set_bits"] == 11
        assert data["header"] == {"step": "2"}
        assert [(p["part"], p["entries"]) for p in data["parts"]] == [
            ("(none)", 2),
            ("language", 2),
            ("vision", 12),
        ]
        assert data["entries"] == 16
        assert "vision" in text


def test_bfloat16_norm_is_that_of_the_values(tmp_path: Path, capsys: Capture) -> None:
    values = np.array([1.5, -2.0, 0.25], np.float32)
    raw = (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    head = json.dumps({"x": {"dtype": "BF16", "shape": [3], "data_offsets": [0, 6]}}).encode()
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(head).to_bytes(8, "little") + head + raw)
    _, data = shown(capsys, path)
    assert data["norm"] == pytest.approx(float(np.linalg.norm(values)))


def test_text_of_a_file_can_not_steer_the_terminal(tmp_path: Path, capsys: Capture) -> None:
    evil = [entry | {"question": "\x1b[2Jgone\nnext"} for entry in rows(1)]
    write(tmp_path / "cell", evil)
    text, _ = shown(capsys, tmp_path / "cell")
    assert "\x1b" not in text
    assert "\\x1b[2Jgone\\nnext" in text


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: flip(path, 3), "damaged or no shard"),
        (lambda path: flip(path, 2560 + 4), "damaged or no shard"),
        (lambda path: path.write_bytes(path.read_bytes()[:1500]), "damaged or no shard"),
        (lambda path: path.write_bytes(b"x" * 3000), "damaged or no shard"),
    ],
)
def test_damaged_shard_is_one_clear_line(
    cell: Path, damage: object, message: str, capsys: Capture
) -> None:
    path = cell / "train-count-G1-00000.tar"
    damage(path)  # type: ignore[operator]
    assert main(["show", str(path)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert str(path) in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.parquet", b"PAR1 no", "damaged Parquet"),
        ("x.safetensors", b"\xff" * 40, "damaged safetensors"),
        ("x.pt", b"", "do not know how to show .pt"),
        ("gone.tar", None, "does not exist"),
        ("folder/x", b"", "neither a cell nor a model"),
    ],
)
def test_what_can_not_be_shown_is_one_clear_line(
    tmp_path: Path, name: str, content: bytes | None, message: str, capsys: Capture
) -> None:
    path = tmp_path / name
    if content is not None:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    assert main(["show", str(path.parent if name.startswith("folder") else path)]) == 2
    assert message in capsys.readouterr().err
