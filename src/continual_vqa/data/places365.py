"""Places365-Standard: the scene of an image (Zhou et al. 2018).

Official files: places365_train_standard.txt and places365_val.txt list image and class number;
categories_places365.txt names the classes (the annotations). Images are the small ones: data_256/
for training, val_256/ for validation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from continual_vqa.data.problems import Problems
from continual_vqa.data.records import (
    THIS_IS_AN_IMAGE,
    BadRecord,
    Row,
    below,
    gather,
    lines,
    subset_of,
)
from continual_vqa.errors import UserError

FOLDERS = {"train": "data_256", "val": "val_256"}


def read_places365(
    questions: Sequence[str | Path], annotations: Sequence[str | Path], problems: Problems
) -> pa.Table:
    """One question an image; the answer is its class: "/a/apartment_building/outdoor" is
    "apartment building outdoor". See `records.Reader`.

    Raises
    ------
    UserError : a file is missing, damaged as a whole or named otherwise; no list of classes
    """
    if not annotations:
        raise UserError("no list of the classes", expected="categories_places365.txt")
    classes: dict[str, str] = {}
    for path in annotations:
        bad: list[str] = []
        for where, line in lines(path):
            found = _pair(line)
            if found is None:
                bad.append(f"{where}: is not a class and its number")
            else:
                classes[found[1]] = found[0]
        problems.add("malformed_records", path, bad)
    files = ((p, subset_of(p, tuple(FOLDERS)), _images(p, classes)) for p in questions)
    return gather(files, _row, problems)


def _images(path: str | Path, classes: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    for where, line in lines(path):
        found = _pair(line)
        if found is None:
            yield where, BadRecord("is not an image and the number of its class")
        elif found[1] not in classes:
            yield where, BadRecord(f"class {found[1]} is not listed")
        else:
            yield where, (found[0], classes[found[1]])


def _pair(line: str | BadRecord) -> tuple[str, str] | None:
    if isinstance(line, BadRecord):
        return None
    name, _, number = line.strip().rpartition(" ")
    return (name, number) if name and number.isdecimal() else None


def _row(subset: str, image: tuple[str, str]) -> Row:
    listed, name = image
    path = below(listed.removeprefix("/"))
    first, _, rest = name.removeprefix("/").partition("/")
    return Row(
        question_id=path,
        question=THIS_IS_AN_IMAGE,
        answer=(rest or first).replace("_", " ").replace("/", " "),
        image_id=path,
        image_name=f"{FOLDERS[subset]}/{path}",
    )
