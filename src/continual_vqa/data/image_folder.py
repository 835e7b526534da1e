"""Image classification from folders of images: <subset>/<class>/<image>, as torchvision reads them.

A "question file" is the folder of a subset: train, val or test. The class is the folder's name with
spaces for underscores.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from continual_vqa.data.images import SUFFIXES
from continual_vqa.data.problems import Problems
from continual_vqa.data.records import (
    THIS_IS_AN_IMAGE,
    BadRecord,
    Row,
    gather,
    subset_of,
    without_annotations,
)
from continual_vqa.errors import UserError, naming

SUBSETS = ("train", "val", "test")


def read_image_folder(
    questions: Sequence[str | Path], annotations: Sequence[str | Path], problems: Problems
) -> pa.Table:
    """One question an image; the answer is its class. Image names begin with the subset's folder.

    See `records.Reader`. Files beginning with a dot are passed over.

    Raises
    ------
    UserError : a folder is missing, named otherwise or without a class
    """
    without_annotations(annotations, "a folder of images")
    files = [(path, subset_of(path, SUBSETS), _images(Path(path))) for path in questions]
    return gather(files, _row, problems)


def _images(folder: Path) -> Iterator[tuple[str, object]]:
    with naming(folder, "read"):
        classes = sorted(entry.name for entry in os.scandir(folder) if _counts(entry))
    if not classes:
        raise UserError("is empty", where=folder, expected="a folder of images for each class")
    for name in classes:
        if not (folder / name).is_dir():
            yield name, BadRecord("is no folder of a class")
            continue
        with naming(folder / name, "read"):
            images = sorted(entry.name for entry in os.scandir(folder / name) if _counts(entry))
        for image in images:
            path = f"{folder.name}/{name}/{image}"
            good = image.lower().endswith(SUFFIXES)
            yield f"{name}/{image}", (name, path) if good else BadRecord("is no image")


def _counts(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".")


def _row(_subset: str, image: tuple[str, str]) -> Row:
    name, path = image
    return Row(
        question_id=path,
        question=THIS_IS_AN_IMAGE,
        answer=name.replace("_", " "),
        image_id=path,
        image_name=path,
    )
