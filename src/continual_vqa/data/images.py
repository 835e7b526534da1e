"""Images in a folder or in the official .zip files, which are not unpacked.

An image path is relative to the root; "val2014.zip!/val2014/COCO_val2014_000000000042.jpg" is a
member of an archive.
"""

from __future__ import annotations

import os
import zipfile
from functools import cached_property
from pathlib import Path, PurePosixPath

from continual_vqa.data.jpeg import CHECKS
from continual_vqa.errors import UserError, naming
from continual_vqa.files.reading import ARCHIVE_MARK, open_zip, read_file, read_member

SUFFIXES = (".jpg", ".jpeg", ".png")
# Of one image, as bytes; the largest of Places365 has 5 MB. Choice of this project.
MAX_IMAGE = 128 << 20


class ImageRoot:
    """A folder of images, a .zip of them, or a folder that also holds such .zip files.

    Nothing outside the root is ever read, whatever a path says. Reading is safe from several
    threads.
    """

    extension = "jpg"

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise UserError(
                "no such folder or .zip", where=path, expected="the images", do="check the path"
            )
        self._alone = path.is_file()
        self.path = path
        self._root = (path.parent if self._alone else path).resolve()
        self._archives: dict[str, zipfile.ZipFile] = {}
        if self._alone:
            self._archive(path.name)

    def __enter__(self) -> ImageRoot:
        return self

    def __exit__(self, *_: object) -> None:
        for archive in self._archives.values():
            archive.close()
        self._archives.clear()

    def find(self, file_name: str) -> str | None:
        """The image path of the file of that name, in whatever folder or archive it lies.

        A name with a folder in it is the image path itself, of a file that is not in an archive.
        """
        if "/" not in file_name:
            return self._index.get(file_name)
        try:
            there = _stays_inside(file_name) and (self._root / file_name).is_file()
        except OSError:  # a name that no file can have
            there = False
        return file_name if there else None

    def read(self, image_path: str) -> bytes:
        """The original bytes of an image.

        Raises
        ------
        UserError : the path leaves the root, or the file is missing or damaged
        """
        name, mark, member = image_path.partition(ARCHIVE_MARK)
        if not _stays_inside(name):
            raise UserError(
                f"image path {image_path!r} leaves the folder of images",
                where=self.path,
                expected="a path below it",
            )
        if mark:
            return self._read_member(name, member)
        return read_file(self._inside(name), MAX_IMAGE)

    def examine(self, content: bytes, how: str) -> str:
        """What is wrong with an image's bytes, or ""; `how` is a key of `jpeg.CHECKS`."""
        return CHECKS[how](content)

    @cached_property
    def _index(self) -> dict[str, str]:
        """File name -> image path; where a name occurs twice, the first path in sorted order."""
        if self._alone:
            found = self._members(self.path.name)
        else:
            found = []
            for folder, folders, files in os.walk(self._root):
                folders.sort()
                here = Path(folder).relative_to(self._root)
                for file in files:
                    path = (here / file).as_posix()
                    if file.lower().endswith(SUFFIXES):
                        found.append(path)
                    elif file.endswith(".zip"):
                        found += self._members(path)
        return {PurePosixPath(path).name: path for path in sorted(found, reverse=True)}

    def _members(self, archive: str) -> list[str]:
        return [
            f"{archive}{ARCHIVE_MARK}{name}"
            for name in self._archive(archive).namelist()
            if name.lower().endswith(SUFFIXES)
        ]

    def _archive(self, name: str) -> zipfile.ZipFile:
        if name not in self._archives:
            # The user named this one; others are only found in the folder.
            alone = self._alone and name == self.path.name
            self._archives[name] = open_zip(self._root / name if alone else self._inside(name))
        return self._archives[name]

    def _read_member(self, name: str, member: str) -> bytes:
        return read_member(self._archive(name), self._root / name, member, MAX_IMAGE)

    def _inside(self, name: str) -> Path:
        """The path of a file in the folder; a link may point elsewhere in it, and not beyond."""
        path = self._root / name
        with naming(path, "read"):
            if not path.resolve(strict=True).is_relative_to(self._root):
                raise UserError("is a link out of the folder of images", where=path)
        return path


def open_images(path: Path | None) -> ImageRoot | None:
    """The images below `path`, or None without one.

    Raises
    ------
    UserError : the folder or archive is missing or damaged
    """
    return None if path is None else ImageRoot(path)


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\0" not in name
