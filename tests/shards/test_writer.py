from __future__ import annotations

import gc
import json
import random
import tarfile
from pathlib import Path

import pytest
import webdataset

from continual_vqa.errors import UserError
from continual_vqa.files.parquet import read_note
from continual_vqa.shards.reader import open_cells
from continual_vqa.shards.samples import group_by_image, json_members
from continual_vqa.shards.tables import INDEX_FILE, QUESTION_COLUMNS
from continual_vqa.shards.writer import write_cell
from shards.world import CELL, Images, files, jpeg, row, rows, source, table, write


def test_identical_input_in_any_order_gives_identical_bytes(tmp_path: Path) -> None:
    content = rows()
    write(tmp_path / "a", content)
    random.Random(1).shuffle(content)
    write(tmp_path / "b", content)
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_place_of_the_images_leaves_no_trace(tmp_path: Path) -> None:
    content = rows()
    write(tmp_path / "a", content)
    moved = [entry | {"image_path": f"x.zip!/{entry['image_path']}"} for entry in content]
    write(tmp_path / "b", moved)
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_a_cell_of_relabelled_questions_can_be_read_again(tmp_path: Path) -> None:
    copies = [
        entry | {"skill": "count~1", "question_id": f"{entry['question_id']}~1"} for entry in rows()
    ]
    write(tmp_path / "cell", copies, cell="train/count~1/G1")
    ids = open_cells([tmp_path / "cell"], verify="open").question_ids
    assert sorted(ids) == sorted(str(entry["question_id"]) for entry in copies)


def test_changed_answer_changes_only_its_cell(tmp_path: Path) -> None:
    first, other = rows(3), [row(9, 9000, group="G2")]
    changed = [first[0] | {"answers": ["7"] * 10}, *first[1:]]
    for name, content in (("before", first), ("after", changed)):
        write(tmp_path / name / "G1", content)
        write(tmp_path / name / "G2", other, cell="train/count/G2")
    assert files(tmp_path / "before/G1") != files(tmp_path / "after/G1")
    assert files(tmp_path / "before/G2") == files(tmp_path / "after/G2")


# webdataset leaves the files it has read to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_stock_webdataset_yields_every_question_once(tmp_path: Path) -> None:
    content = rows(7)
    summary = write(tmp_path / "cell", content)
    shards = sorted(str(path) for path in (tmp_path / "cell").glob("*.tar"))
    assert len(shards) == summary.shards > 1
    payloads = source(content)
    seen: list[dict] = []
    for sample in webdataset.WebDataset(shards, shardshuffle=False):
        member = json.loads(sample["json"])
        assert sample["__key__"] == member["image_id"]
        assert sample["jpg"] == payloads.read(f"{member['image_id']}.jpg")
        seen += [
            {"image_id": member["image_id"], "image_path": f"{member['image_id']}.jpg"} | question
            for question in member["questions"]
        ]
    gc.collect()
    assert seen == [{name: entry[name] for name in seen[0]} for entry in content]


def test_json_is_that_of_the_standard_library(tmp_path: Path) -> None:
    strange = ['"', "\\", "\n\t\0\x1f", "ß €", "\u2028", "😀", ""]
    content = [row(1, i, question=text, answers=strange, entailed=[text]) for i, text in
               enumerate(strange)]  # fmt: skip
    content.append(row(2, 99, answers=[]))
    narrow = table(content).drop_columns(["choices"])
    ((_, texts),) = json_members(group_by_image(narrow, "x"))
    for text in texts:
        parsed = json.loads(bytes(text))
        assert bytes(text).decode() == json.dumps(parsed, ensure_ascii=False, separators=(",", ":"))
        wanted = [
            {k: entry[k] for k in QUESTION_COLUMNS if k != "image_id"}
            for entry in content
            if entry["image_id"] == parsed["image_id"]
        ]
        assert parsed["questions"] == wanted


@pytest.mark.parametrize("max_bytes", [1, 3000, 4096, 10_000])
def test_shards_keep_to_their_size(tmp_path: Path, max_bytes: int) -> None:
    write(tmp_path / "cell", max_bytes=max_bytes)
    for path in (tmp_path / "cell").glob("*.tar"):
        with tarfile.open(path) as opened:
            assert path.stat().st_size <= max_bytes or len(opened.getnames()) == 2


def test_shards_hold_the_same_samples_whatever_their_size(tmp_path: Path) -> None:
    found = []
    for name, max_bytes in (("small", 1), ("large", 10**9)):
        write(tmp_path / name, max_bytes=max_bytes)
        members = []
        for path in sorted((tmp_path / name).glob("*.tar")):
            with tarfile.open(path) as opened:
                members += [(m.name, opened.extractfile(m).read()) for m in opened]
        found.append(members)
    assert found[0] == found[1]


def test_empty_cell_is_an_index_without_shards(tmp_path: Path) -> None:
    summary = write(tmp_path / "cell", [])
    assert (summary.questions, summary.images, summary.shards) == (0, 0, 0)
    assert list(files(tmp_path / "cell")) == [INDEX_FILE]


def test_note_says_what_the_cell_is(tmp_path: Path) -> None:
    write(tmp_path / "cell", checksums=False)
    note = read_note(tmp_path / "cell" / INDEX_FILE)
    assert note["cell"] == CELL
    assert note["version"] == "1"
    assert note["checksums"] == "none"
    for shard in json.loads(note["shards"]):
        assert (tmp_path / "cell" / shard["name"]).stat().st_size == shard["bytes"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([row(1, 5), row(2, 5)], "question id '5' occurs more than once"),
        ([row(1, 5, image_path="")], "image 1 .question 5. has no image path"),
        ([row(1, 5), row(1, 6, image_path="b.jpg")], "has the paths 1.jpg, b.jpg"),
        ([row(1, 5, answer=None)], "column 'answer' has empty entries"),
        ([row("x" * 120, 5)], "member name of 12[0-9] bytes"),
    ],
)
def test_wrong_rows_are_refused_and_the_earlier_cell_stays(
    tmp_path: Path, content: list[dict], message: str
) -> None:
    write(tmp_path / "cell")
    before = files(tmp_path / "cell")
    with pytest.raises(UserError, match=message):
        write(tmp_path / "cell", content)
    assert files(tmp_path / "cell") == before
    assert [path.name for path in tmp_path.iterdir()] == ["cell"]


def test_empty_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"1\.jpg: is empty"):
        write(tmp_path / "cell", [row(1, 5)], images=Images({"1.jpg": b""}))


@pytest.mark.parametrize("max_bytes", [8000, 10**6])  # it fails within a cell, or at its end
def test_no_space_left_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, max_bytes: int
) -> None:
    import os

    left = []

    def full(descriptor: int, buffers: list[bytes]) -> int:
        left.append(descriptor)
        raise OSError(28, "No space left on device")

    write(tmp_path / "cell")
    before = files(tmp_path / "cell")
    monkeypatch.setattr("os.writev", full)
    with pytest.raises(UserError, match=r"No space left on device.*free some space"):
        write(tmp_path / "cell", max_bytes=max_bytes)
    assert files(tmp_path / "cell") == before
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(left[0])  # an open file would keep its room


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    write(tmp_path / "whole")
    whole = os.writev

    def halting(descriptor: int, buffers: list[bytes]) -> int:
        joined = b"".join(buffers)
        return whole(descriptor, [joined[: 1 + len(joined) // 3]])

    monkeypatch.setattr("os.writev", halting)
    write(tmp_path / "parts")
    assert files(tmp_path / "whole") == files(tmp_path / "parts")


def test_region_features_are_payloads_like_any_other(tmp_path: Path) -> None:
    content = [row(1, 5)]
    write_cell(
        table(content),
        Images({"1.jpg": jpeg(1)}, "npy"),
        tmp_path / "cell",
        cell=CELL,
        max_bytes=10**6,
    )
    with tarfile.open(tmp_path / "cell/train-count-G1-00000.tar") as opened:
        assert opened.getnames() == ["1.npy", "1.json"]
