"""Images are found in folders and archives, and never outside their root."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from continual_vqa.data.images import open_images
from continual_vqa.errors import UserError
from data.official_files import jpeg, write_image

NAME = "COCO_val2014_000000000042.jpg"
MEMBER = f"val2014/{NAME}"


def write_zip(path: Path, content: bytes = b"", member: str = MEMBER) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, content or jpeg())
    return path


def test_none() -> None:
    assert open_images(None) is None


def test_folder_with_subfolders(tmp_path: Path) -> None:
    written = write_image(tmp_path / "val2014", 42)
    with open_images(tmp_path) as images:
        assert images.find(NAME) == f"val2014/{NAME}"
        assert images.read(f"val2014/{NAME}") == written.read_bytes()
        assert images.find("other.jpg") is None
        assert images.extension == "jpg"


@pytest.mark.parametrize("alone", [True, False])
def test_official_archive_is_not_unpacked(tmp_path: Path, alone: bool) -> None:
    archive = write_zip(tmp_path / "images" / "val2014.zip", jpeg(7))
    before = sorted(tmp_path.rglob("*"))
    with open_images(archive if alone else archive.parent) as images:
        path = images.find(NAME)
        assert path == f"val2014.zip!/val2014/{NAME}"
        assert images.read(path) == jpeg(7)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "path",
    [
        "../secret.jpg",
        "a/../../secret.jpg",
        "/etc/passwd",
        "",
        "../x.zip!/a.jpg",
        "link.jpg",
        "folder/secret.jpg",
        "a\0b.jpg",
    ],
)
def test_nothing_outside_the_root_is_read(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "a").mkdir()
    (tmp_path / "secret.jpg").write_bytes(jpeg())
    write_zip(tmp_path / "x.zip", member="a.jpg")
    (root / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (root / "folder").symlink_to(tmp_path)
    with open_images(root) as images, pytest.raises(UserError):
        images.read(path)


def test_a_link_within_the_root_is_fine(tmp_path: Path) -> None:
    write_image(tmp_path / "real", 42)
    (tmp_path / "link.jpg").symlink_to(tmp_path / "real" / NAME)
    with open_images(tmp_path) as images:
        assert images.read("link.jpg") == (tmp_path / "real" / NAME).read_bytes()


def test_damage_is_named(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "val2014.zip", b"0123456789" * 30)
    content = bytearray(archive.read_bytes())
    content[content.index(b"0123456789") + 5] ^= 1
    archive.write_bytes(content)
    with open_images(archive) as images, pytest.raises(UserError, match="damaged"):
        images.read(f"val2014.zip!/{MEMBER}")
    with open_images(archive) as images, pytest.raises(UserError, match="no member"):
        images.read("val2014.zip!/other.jpg")
    archive.write_bytes(b"no zip")
    with pytest.raises(UserError, match="damaged zip"):
        open_images(archive)
    with pytest.raises(UserError, match="no such folder"):
        open_images(tmp_path / "absent")


def test_links_and_pipes_are_no_way_out(tmp_path: Path) -> None:
    outside = write_zip(tmp_path / "outside.zip", jpeg())
    (tmp_path / "secret.jpg").write_bytes(jpeg())
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "a.zip").symlink_to(outside)
    (folder / "sub").symlink_to(tmp_path)
    (folder / "b.jpg").symlink_to("../secret.jpg")
    os.mkfifo(folder / "c.jpg")
    with open_images(folder) as images:
        for path in (f"a.zip!/{MEMBER}", "sub/secret.jpg", "b.jpg", f"sub/outside.zip!/{MEMBER}"):
            with pytest.raises(UserError, match="is a link out of the folder of images"):
                images.read(path)
        with pytest.raises(UserError, match="is a link out of the folder of images"):
            images.find("COCO_val2014_000000000042.jpg")
        with pytest.raises(UserError, match="is a device or a pipe"):
            images.read("c.jpg")
    # A link that the user names is no member's doing.
    with open_images(folder / "a.zip") as images:
        assert images.read(f"a.zip!/{MEMBER}") == jpeg()


def test_a_name_that_no_file_can_have_is_not_found(tmp_path: Path) -> None:
    with open_images(tmp_path) as images:
        assert images.find("a/" + "x" * 5_000 + ".jpg") is None
        assert images.find("a/\0.jpg") is None


def test_images_beyond_the_limit_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("continual_vqa.data.images.MAX_IMAGE", 100)
    (tmp_path / "x.jpg").write_bytes(bytes(101))
    write_zip(tmp_path / "y.zip", bytes(101))
    with open_images(tmp_path) as images:
        for path in ("x.jpg", f"y.zip!/{MEMBER}"):
            with pytest.raises(UserError, match="at most 100 bytes"):
                images.read(path)
