"""iNaturalist 2019: the species in an image (visipedia/inat_comp).

Official files: {train,val}2019.json in the form of COCO. Their categories' names are numbers; the
list with the species' names was published later (categories.json), and is given as the annotations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from continual_vqa.data.arrays import read_arrays
from continual_vqa.data.problems import Problems
from continual_vqa.data.records import THIS_IS_AN_IMAGE, BadRecord, Row, below, gather, subset_of
from continual_vqa.data.salvage import sound_records
from continual_vqa.errors import UserError
from continual_vqa.files.jsons import read_json

SUBSETS = ("train2019", "val2019")
_CATEGORY = pa.struct([("id", pa.int64()), ("name", pa.string())])
_LISTS = {
    "images": pa.struct([("id", pa.int64()), ("file_name", pa.string())]),
    "annotations": pa.struct([("image_id", pa.int64()), ("category_id", pa.int64())]),
    "categories": _CATEGORY,
}


def read_inaturalist(
    questions: Sequence[str | Path], annotations: Sequence[str | Path], problems: Problems
) -> pa.Table:
    """One question an image; the answer is its category's name. See `records.Reader`.

    Raises
    ------
    UserError : a file is missing, damaged (unless skipping) or not of this format
    """
    named: dict[int, str] = {}
    for path in annotations:
        named |= _names(path, problems)
    files = ((p, subset_of(p, SUBSETS), _records(p, named, problems)) for p in questions)
    return gather(files, _row, problems)


def _names(path: str | Path, problems: Problems) -> dict[int, str]:
    document = read_json(path)
    if not isinstance(document, list):
        raise UserError("holds no list", where=path, expected="categories.json of iNaturalist 2019")
    sound, bad = sound_records(document, _CATEGORY)
    problems.add("malformed_records", path, [f"categories, {reason}" for reason in bad])
    return {category["id"]: category["name"] for category in sound}


def _records(
    path: str | Path, named: Mapping[int, str], problems: Problems
) -> Iterator[tuple[str, object]]:
    """(image, file name, class) of every image."""
    arrays = read_arrays(path, _LISTS, problems).records
    images, labels, categories = (arrays[name].to_pylist() for name in _LISTS)
    names = {each["id"]: each["name"] for each in categories} | dict(named)
    label = {each["image_id"]: each["category_id"] for each in labels}
    for image in images:
        number = image["id"]
        record: object = (number, image["file_name"], names.get(label.get(number, -1)))
        if number not in label:
            record = BadRecord("has no annotation", "missing_annotations")
        elif label[number] not in names:
            record = BadRecord(f"is of category {label[number]}, which is not listed")
        yield f"image {number}", record
    orphans = sorted(label.keys() - {image["id"] for image in images})
    problems.add("orphan_annotations", path, orphans)


def _row(_subset: str, image: tuple[int, str, str]) -> Row:
    number, file_name, name = image
    return Row(
        question_id=str(number),
        question=THIS_IS_AN_IMAGE,
        answer=name,
        image_id=str(number),
        image_name=below(file_name),
    )
