"""Region features are read by place, scaled and checked."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest

from continual_vqa.data.payloads import open_payload, open_source
from continual_vqa.data.regions import open_regions
from continual_vqa.errors import UserError

NAME = "COCO_val2014_000000000042"


def line(name: str = NAME, **changes: bytes) -> bytes:
    rng = np.random.default_rng(len(name))
    boxes = rng.uniform(0, 100, (36, 4)).astype(np.float32)
    boxes[0] = [0, 0, 200.5, 100.5]
    columns = {
        "img_id": name.encode(),
        "h": b"100",
        "w": b"200",
        **dict.fromkeys(("objects_id", "objects_conf", "attrs_id", "attrs_conf"), b""),
        "num_boxes": b"36",
        "boxes": base64.b64encode(boxes.tobytes()),
        "features": base64.b64encode(rng.random((36, 2048), np.float32).tobytes()),
    }
    return b"\t".join((columns | changes).values()) + b"\n"


@pytest.mark.parametrize("folder", [True, False])
def test_features_then_boxes(tmp_path: Path, folder: bool) -> None:
    path = tmp_path / "val.tsv"
    path.write_bytes(line("first") + line())
    with open_regions(tmp_path if folder else path) as regions:
        place = regions.find(f"{NAME}.jpg")
        assert place == f"val.tsv!/{len(line('first'))}/{NAME}"
        array = np.load(io.BytesIO(regions.read(place)), allow_pickle=False)
        assert regions.find("absent.jpg") is None
        assert regions.extension == "npy"
    assert array.shape == (36, 2052)
    assert array.dtype == np.float32
    assert array[:, 2048:].min() >= 0
    np.testing.assert_array_equal(array[0, 2048:], [0, 0, 1, 1])
    rng = np.random.default_rng(len(NAME))
    boxes = rng.uniform(0, 100, (36, 4)).astype(np.float32)
    np.testing.assert_array_equal(array[1:, 2048:], (boxes / np.float32([200, 100] * 2))[1:])
    np.testing.assert_array_equal(array[:, :2048], rng.random((36, 2048), np.float32))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"num_boxes": b"35"}, "35 boxes"),
        ({"h": b"x"}, "no number"),
        ({"boxes": b"!!!"}, "damaged base64"),
        ({"boxes": base64.b64encode(b"abcd")}, "4 bytes"),
        ({"boxes": base64.b64encode(np.full(144, np.nan, "<f4").tobytes())}, "not finite"),
        ({"features": b"a\tb"}, "11 columns"),
    ],
)
def test_damage_is_named(tmp_path: Path, changes: dict, reason: str) -> None:
    path = tmp_path / "val.tsv"
    path.write_bytes(line(**changes))
    regions = open_regions(path)
    with pytest.raises(UserError, match=reason):
        regions.read(regions.find(f"{NAME}.jpg"))


@pytest.mark.parametrize(
    "place", ["../val.tsv!/0/x", "/etc/passwd!/0/x", "val.tsv!/x/x", "val.tsv!/3/x", "val.tsv"]
)
def test_wrong_places(tmp_path: Path, place: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    for folder in (tmp_path, root):
        (folder / "val.tsv").write_bytes(line("x"))
    with pytest.raises(UserError):
        open_regions(root).read(place)


def test_sources_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "val.tsv"
    path.write_bytes(line())
    assert open_source(path).extension == "npy"
    assert open_source(tmp_path).extension == "npy"
    (tmp_path / "images").mkdir()
    assert open_source(tmp_path / "images").extension == "jpg"
    assert open_payload({"kind": "features", "path": str(path)}).extension == "npy"
    assert open_payload({"kind": "images", "path": ""}) is None


def test_sizes_lines_and_places_without_end_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "val.tsv"
    for changes in ({"w": b"9" * 5_000}, {"h": b"9" * 400}, {"num_boxes": b"3_6"}):
        path.write_bytes(line(**changes))
        with open_regions(path) as regions, pytest.raises(UserError, match="is no number"):
            regions.read(f"val.tsv!/0/{NAME}")
    with open_regions(path) as regions, pytest.raises(UserError, match="is no place of region"):
        regions.read(f"val.tsv!/{'9' * 5_000}/{NAME}")
    path.write_bytes(b"x" * 4_000_001)
    with open_regions(path) as regions, pytest.raises(UserError, match="a line of 4,000,000 bytes"):
        regions.find("x.jpg")


def test_a_table_behind_a_link_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "outside.tsv").write_bytes(line())
    folder = tmp_path / "features"
    folder.mkdir()
    (folder / "val.tsv").symlink_to("../outside.tsv")
    with open_regions(folder) as regions:
        with pytest.raises(UserError, match="is a link out of the folder of features"):
            regions.find(f"{NAME}.jpg")
        with pytest.raises(UserError, match="is a link out of the folder of features"):
            regions.read(f"val.tsv!/0/{NAME}")
