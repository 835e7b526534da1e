from __future__ import annotations

import multiprocessing
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from continual_vqa.errors import UserError
from continual_vqa.shards import mapping
from continual_vqa.shards.reader import Cells, open_cells
from shards.world import flip, jpeg, row, rows, source, write


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    write(tmp_path / "a", rows(4))
    write(tmp_path / "none", [], cell="train/count/G3")
    write(tmp_path / "b", [row("n_9", 77, group="G2"), row("10", 78)], cell="train/count/G2")
    return [tmp_path / "a", tmp_path / "none", tmp_path / "b"]


def payload_of(cells: Cells, number: int) -> bytes:
    return bytes(cells[number].payload)


def test_samples_are_the_questions_that_were_written(folders: list[Path]) -> None:
    cells = open_cells(folders)
    written = [*rows(4), row("10", 78), row("n_9", 77, group="G2")]
    assert len(cells) == len(written)
    assert cells.question_ids == [entry["question_id"] for entry in written]
    images = source(rows(4))
    for sample, entry in zip(cells, written, strict=True):
        lists, places = {"answers", "entailed", "choices"}, {"image_path", "second_image_path"}
        for name in set(entry) - lists - places:
            assert getattr(sample, name) == entry[name]
        assert list(sample.answers) == entry["answers"]
        assert sample.extension == "jpg"
        if sample.group == "G1" and sample.image_id != "10":
            assert bytes(sample.payload) == images.read(str(entry["image_path"]))
    assert cells.table(["answer"])["answer"].to_pylist() == [e["answer"] for e in written]
    assert cells.cell_of(0) == "train/count/G1"
    assert cells.cell_of(len(cells) - 1) == "train/count/G2"


def test_numbers_outside_are_no_questions(folders: list[Path]) -> None:
    cells = open_cells(folders)
    for number in (-1, len(cells)):
        with pytest.raises(IndexError):
            cells[number]


def test_pickled_copy_reads_the_same(folders: list[Path]) -> None:
    cells = open_cells(folders)
    sample = cells[3]
    again = pickle.loads(pickle.dumps(cells))  # noqa: S301
    assert again[3] == sample == pickle.loads(pickle.dumps(sample))  # noqa: S301


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_worker_processes_read_the_same(folders: list[Path], method: str) -> None:
    cells = open_cells(folders)
    expected = [bytes(sample.payload) for sample in cells]
    with multiprocessing.get_context(method).Pool(2) as pool:
        found = pool.starmap(payload_of, [(cells, number) for number in range(len(cells))])
    assert found == expected


def test_threads_share_the_cells(folders: list[Path]) -> None:
    cells = open_cells(folders)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda number: cells[number % len(cells)], range(200)))
    assert found == [cells[number % len(cells)] for number in range(200)]


def test_few_maps_serve_many_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "MAX_MAPPED", 2)
    write(tmp_path / "cell", rows(6), max_bytes=1)
    cells = open_cells([tmp_path / "cell"])
    kept = list(cells)
    assert [bytes(s.payload) for s in kept] == [bytes(s.payload) for s in cells]


def test_flipped_byte_is_named_when_it_is_read(folders: list[Path]) -> None:
    path = sorted(folders[0].glob("*.tar"))[0]
    flip(path, 512 + 100)
    cells = open_cells(folders, verify="read")
    assert cells[1]
    with pytest.raises(UserError, match=r"00000\.tar: image 0 \(question 0\) is damaged"):
        cells[0]
    assert bytes(open_cells(folders, verify=False)[0].payload) != jpeg(0)
    with pytest.raises(UserError, match=r"00000\.tar: image 0: damaged \.jpg"):
        open_cells(folders, verify="open")


@pytest.mark.parametrize("verify", ["read", "open", True])
def test_asking_to_verify_what_has_no_checksums_is_refused(tmp_path: Path, verify: bool) -> None:
    write(tmp_path / "cell", checksums=False)
    assert len(open_cells([tmp_path / "cell"], verify="never"))
    with pytest.raises(UserError, match="written without checksums"):
        open_cells([tmp_path / "cell"], verify=verify)


def test_missing_truncated_and_linked_shards_are_named(folders: list[Path]) -> None:
    path = sorted(folders[0].glob("*.tar"))[0]
    content = path.read_bytes()
    path.write_bytes(content[:-700])
    with pytest.raises(UserError, match=r"00000\.tar: truncated shard"):
        open_cells(folders)[0]
    path.unlink()
    with pytest.raises(UserError, match=r"00000\.tar: the shard is missing"):
        open_cells(folders)[0]
    outside = folders[0].parent / "outside.tar"
    outside.write_bytes(content)
    path.symlink_to(outside)
    with pytest.raises(UserError, match=r"00000\.tar: the shard is a link"):
        open_cells(folders)[0]


def test_shard_of_another_cell_is_noticed_even_unverified(tmp_path: Path) -> None:
    write(tmp_path / "a", [row(1, 5)])
    write(tmp_path / "b", [row(2, 6)])
    name = "train-count-G1-00000.tar"
    (tmp_path / "a" / name).write_bytes((tmp_path / "b" / name).read_bytes())
    with pytest.raises(UserError, match=r"image 1 \(question 5\) holds something else"):
        open_cells([tmp_path / "a"], verify="never")[0]
