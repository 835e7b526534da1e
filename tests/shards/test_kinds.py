"""Cells whose questions have no image, or two; and that ordinary cells stay what they were."""

from __future__ import annotations

import copy
import gc
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import webdataset

from continual_vqa.errors import UserError
from continual_vqa.shards.contents import cell_contents, shard_contents
from continual_vqa.shards.reader import open_cells
from continual_vqa.shards.subset import Subset
from continual_vqa.shards.tables import INDEX, WIDE
from continual_vqa.shards.verify import verify_cell
from shards.world import Images, files, flip, jpeg, row, rows, source, table, write

CHOICES = ["to travel", "to eat"]


def text(question: int, **changes: Any) -> dict[str, object]:
    changes = {"choices": CHOICES, "skill": "piqa", "group": "all", **changes}
    return row("", question, image_path="", **changes)


def pair(image: str, question: int, **changes: Any) -> dict[str, object]:
    paths = {"image_path": f"{image}-img0.png", "second_image_path": f"{image}-img1.png"}
    return row(image, question, **{**paths, **changes})


def pairs() -> tuple[list[dict[str, object]], Images]:
    content = [pair("a", 1), pair("a", 2), pair("b", 3)]
    names = [f"{name}-img{side}.png" for name in "ab" for side in (0, 1)]
    return content, Images({name: jpeg(n, 16 + n, 16) for n, name in enumerate(names)})


def samples(folder: Path) -> list[dict[str, Any]]:
    found = list(webdataset.WebDataset(sorted(map(str, folder.glob("*.tar"))), shardshuffle=False))
    gc.collect()
    return found


def test_an_ordinary_cell_has_the_bytes_it_always_had(tmp_path: Path) -> None:
    images = Images({f"{n}.jpg": b"image %d" % n * 100 for n in range(6)})
    write(tmp_path / "cell", images=images, max_bytes=10**6)
    whole = (tmp_path / "cell" / "train-count-G1-00000.tar").read_bytes()
    assert hashlib.sha256(whole).hexdigest() == ORDINARY
    assert open_cells([tmp_path / "cell"]).indexes[0].table.schema == INDEX


ORDINARY = "2e3e9fa3da0d27137eab51f84b8836ad33c9b12ae7f499ce1a1c9a82258aa9e1"


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_questions_without_an_image(tmp_path: Path) -> None:
    content = [text(12), text(3, choices=["a", "b", "c"]), text(4)]
    summary = write(tmp_path / "cell", content, images=Images({}), cell="train/piqa/all")
    assert (summary.images, summary.questions, summary.payload_bytes) == (3, 3, 0)
    cells = open_cells([tmp_path / "cell"], verify="open")
    assert cells.question_ids == ["3", "4", "12"]
    assert [sample.choices for sample in cells] == [("a", "b", "c"), (*CHOICES,), (*CHOICES,)]
    assert {(s.extension, bytes(s.payload), s.key == s.question_id) for s in cells} == {
        ("json", b"", True)
    }
    told = ["question", "choices"]
    assert cells.table(told).to_pylist()[1] == {name: content[2][name] for name in told}
    assert Subset(cells, [2, 1]).table(told) == cells.table(told).take([2, 1])
    assert copy.copy(cells[0]) == cells[0]
    for sample in samples(tmp_path / "cell"):
        assert set(sample) == {"__key__", "__url__", "__local_path__", "json"}
        (question,) = json.loads(sample["json"])["questions"]
        assert question["question_id"] == sample["__key__"]
        assert question["choices"]
    shard = next((tmp_path / "cell").glob("*.tar"))
    assert shard_contents(shard, 1)["questions"] == 3
    assert cell_contents(tmp_path / "cell", 1)["extension"] == "json"


def test_open_questions_without_an_image_need_no_wider_index(tmp_path: Path) -> None:
    write(tmp_path / "cell", [text(1, choices=[])], images=None, cell="train/piqa/all")
    cells = open_cells([tmp_path / "cell"], verify="open")
    assert cells.indexes[0].table.schema == INDEX
    assert cells[0].choices == ()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_pairs_of_images(tmp_path: Path) -> None:
    content, images = pairs()
    write(tmp_path / "cell", content, images=images)
    write(tmp_path / "again", content[::-1], images=images)
    assert files(tmp_path / "cell") == files(tmp_path / "again")
    cells = open_cells([tmp_path / "cell"])
    assert verify_cell(tmp_path / "cell").images == 2
    assert cells.indexes[0].table.schema == WIDE
    assert [s.extension for s in cells] == ["png"] * 3
    for sample, entry in zip(cells, content, strict=True):
        assert bytes(sample.payload) == images.read(str(entry["image_path"]))
        assert bytes(sample.second) == images.read(str(entry["second_image_path"]))
    found = samples(tmp_path / "cell")
    assert [(s["png"], s["second.png"]) for s in found] == [
        tuple(images.read(f"{name}-img{side}.png") for side in (0, 1)) for name in "ab"
    ]
    assert [len(json.loads(s["json"])["questions"]) for s in found] == [2, 1]


def test_a_damaged_second_image_is_found(tmp_path: Path) -> None:
    content, images = pairs()
    write(tmp_path / "cell", content, images=images, max_bytes=10**6)
    cells = open_cells([tmp_path / "cell"])
    place = cells.indexes[0].table["second_offset"][2].as_py()
    flip(tmp_path / "cell" / "train-count-G1-00000.tar", place + 20)
    assert open_cells([tmp_path / "cell"])[0].second
    with pytest.raises(UserError, match=r"image b .* damaged second image"):
        open_cells([tmp_path / "cell"])[2]
    with pytest.raises(UserError, match=r"image b: damaged \.second\.png"):
        verify_cell(tmp_path / "cell")


def test_cells_of_every_kind_are_read_as_one(tmp_path: Path) -> None:
    content, images = pairs()
    write(tmp_path / "p", content, images=images)
    write(tmp_path / "t", [text(77)], images=None, cell="train/piqa/all")
    write(tmp_path / "o", rows(2))
    cells = open_cells([tmp_path / "p", tmp_path / "t", tmp_path / "o"])
    assert cells.table(["choices"])["choices"].to_pylist() == [[], [], [], CHOICES, [], [], []]
    assert [bool(sample.second) for sample in cells] == [True] * 3 + [False] * 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([text(7), row(1, 2)], "about 0 and about 1 images"),
        ([row(1, 2), pair("a", 3)], "about 1 and about 2 images"),
        ([row(1, 2, image_path="")], r"image 1 \(question 2\) has no image path"),
        ([row("", 2, image_path="x.jpg")], r"has the paths x\.jpg"),
        ([pair("a", 1), pair("a", 2, second_image_path="c.png")], r"has the paths a-img0\.png, a-"),
        ([row(1, 1), row(2, 2, image_path="2.PNG")], "1 of 2 images are PNG files"),
    ],
)
def test_images_that_do_not_fit_are_refused(
    tmp_path: Path, content: list[dict[str, object]], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        write(tmp_path / "cell", content, images=source(content))
    assert not (tmp_path / "cell").exists()


def test_without_images_only_texts_can_be_written(tmp_path: Path) -> None:
    from continual_vqa.shards.writer import write_cell

    with pytest.raises(UserError, match="no images are given"):
        write_cell(table(rows(1)), None, tmp_path / "c", cell="train/count/G1", max_bytes=9999)
