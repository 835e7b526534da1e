"""Bottom-up-attention region features in the TSV form of LXMERT and VL-T5.

A line has ten columns: img_id, h, w, objects_id, objects_conf, attrs_id, attrs_conf, num_boxes,
boxes, features; arrays in base64. The image path "train2014_obj36.tsv!/395182/COCO_train2014_..."
names the file, the byte at which the line begins, and the image.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np

from continual_vqa.errors import UserError, naming
from continual_vqa.files.reading import ARCHIVE_MARK, ordinary_size

BOXES = 36
WIDTH = 2048
COLUMNS = 10
_NUMBER = re.compile(rb"[0-9]{1,15}")
_MAX_LINE = 4_000_000  # bytes; 36 x 2052 float32 in base64 are 0.4 MB


class RegionFeatures:
    """A TSV file, or a folder of them, read line by line where an image is asked for."""

    extension = "npy"

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise UserError("no such file or folder", where=path, expected="region features (.tsv)")
        self.path = path
        self._root = (path.parent if path.is_file() else path).resolve()

    def __enter__(self) -> RegionFeatures:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def find(self, file_name: str) -> str | None:
        """The path of the features of the image of that file name."""
        return self._index.get(PurePosixPath(file_name).stem)

    def read(self, image_path: str) -> bytes:
        """The bytes of a .npy file: float32 (36, 2052), per box 2048 features, then x1, y1, x2, y2
        as shares of the image's width and height, in [0, 1].

        Raises
        ------
        UserError : the path leaves the root, or the line is missing or damaged
        """
        name, _, place = image_path.partition(ARCHIVE_MARK)
        offset, _, image = place.partition("/")
        path = PurePosixPath(name)
        inside = name and not path.is_absolute() and ".." not in path.parts and "\0" not in name
        if not inside or not _NUMBER.fullmatch(offset.encode(errors="replace")):
            raise UserError(
                f"{image_path!r} is no place of region features",
                where=self.path,
                expected="file.tsv!/byte/image",
            )
        file = self._root / name
        self._check(file)
        with naming(file, "read"), file.open("rb") as handle:
            handle.seek(int(offset))
            line = handle.readline(_MAX_LINE)
        return _payload(line, image, f"{file}: image {image}")

    def examine(self, content: bytes, how: str) -> str:
        """Nothing: `read` has checked all there is."""
        return ""

    def _check(self, file: Path) -> None:
        with naming(file, "read"):
            if not file.resolve(strict=True).is_relative_to(self._root):
                raise UserError("is a link out of the folder of features", where=file)
        ordinary_size(file)

    @cached_property
    def _index(self) -> dict[str, str]:
        files = [self.path] if self.path.is_file() else sorted(self.path.glob("**/*.tsv"))
        if not files:
            raise UserError("holds no .tsv file", where=self.path, expected="region features")
        found: dict[str, str] = {}
        for file in files:
            self._check(file)
            name = file.resolve().relative_to(self._root).as_posix()
            with naming(file, "read"), file.open("rb") as handle:
                offset = 0
                while line := handle.readline(_MAX_LINE):
                    if len(line) == _MAX_LINE:
                        raise UserError(
                            f"a line of {_MAX_LINE:,} bytes or more at byte {offset:,}",
                            where=file,
                            expected=f"{COLUMNS} columns of one image",
                        )
                    image = line[: line.find(b"\t")].decode("utf-8", errors="replace")
                    if image != "img_id":
                        found.setdefault(image, f"{name}{ARCHIVE_MARK}{offset}/{image}")
                    offset += len(line)
        return found


def _payload(line: bytes, image: str, where: str) -> bytes:
    columns = line.rstrip(b"\r\n").split(b"\t")
    if len(columns) != COLUMNS or columns[0].decode("utf-8", errors="replace") != image:
        raise UserError(
            f"the line has {len(columns)} columns and begins with {columns[0][:40]!r}",
            where=where,
            expected=f"{COLUMNS} columns, the first the image's name",
            do="index the questions again, with --features",
        )
    if not all(_NUMBER.fullmatch(columns[i]) for i in (1, 2, 7)):
        raise UserError("height, width or number of boxes is no number", where=where)
    height, width, boxes = (int(columns[i]) for i in (1, 2, 7))
    if boxes != BOXES or height < 1 or width < 1:
        raise UserError(
            f"{boxes} boxes in {width} x {height} pixels", where=where, expected=f"{BOXES} boxes"
        )
    corners = _floats(columns[8], BOXES, 4, where)
    features = _floats(columns[9], BOXES, WIDTH, where)
    scaled = corners / np.array([width, height, width, height], np.float32)
    # Detectors place corners up to a pixel beyond the border.
    array = np.concatenate([features, np.clip(scaled, 0.0, 1.0)], axis=1)
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(array, dtype="<f4"), allow_pickle=False)
    return stream.getvalue()


def _floats(text: bytes, rows: int, columns: int, where: str) -> np.ndarray:
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise UserError(f"damaged base64: {error}", where=where) from error
    if len(content) != 4 * rows * columns:
        raise UserError(
            f"{len(content):,} bytes of float32", where=where, expected=f"{rows} x {columns}"
        )
    array = np.frombuffer(content, "<f4").reshape(rows, columns)
    if not np.isfinite(array).all():
        raise UserError("holds values that are not finite", where=where)
    return array


def open_regions(path: Path | None) -> RegionFeatures | None:
    """The region features at `path`, or None without one."""
    return None if path is None else RegionFeatures(path)
