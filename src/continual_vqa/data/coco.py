"""Each image's one COCO category: its largest object, or as a published map says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from continual_vqa.data.arrays import read_arrays
from continual_vqa.data.problems import Problems
from continual_vqa.errors import UserError
from continual_vqa.files.jsons import read_json

_INSTANCES = {
    "images": pa.struct([("id", pa.int64())]),
    "annotations": pa.struct(
        [
            ("id", pa.int64()),
            ("image_id", pa.int64()),
            ("category_id", pa.int64()),
            ("area", pa.float64()),
        ]
    ),
    "categories": pa.struct([("id", pa.int64()), ("name", pa.string())]),
}


@dataclass(frozen=True, slots=True)
class Instances:
    """What COCO instances files say.

    Attributes
    ----------
    category : image id -> COCO category id; images without objects are not in it
    images : every image id of the files
    """

    category: dict[str, int]
    images: frozenset[str]


def read_instances(
    paths: Sequence[str | Path], categories: dict[int, str], problems: Problems
) -> Instances:
    """The category of the object of the largest area of every image (choice of this project).

    Regions marked as crowds count like objects; of equal areas the lower annotation id wins.

    Parameters
    ----------
    categories : COCO id -> name, of the taxonomy: the files must agree with it
    problems : malformed records are added to it, and left out

    Raises
    ------
    UserError : a file is missing, damaged, not of this format, or names other categories
    """
    category: dict[str, int] = {}
    images: set[str] = set()
    for path in paths:
        arrays = read_arrays(path, _INSTANCES, problems).records
        _check_categories(path, arrays["categories"], categories)
        images.update(map(str, arrays["images"].field("id").to_pylist()))
        image_id, number, area, identity = (
            np.asarray(arrays["annotations"].field(name))
            for name in ("image_id", "category_id", "area", "id")
        )
        _check_known(path, number, categories)
        order = np.lexsort((identity, -area, image_id))
        _, first = np.unique(image_id[order], return_index=True)
        chosen = order[first]
        category.update(
            zip(map(str, image_id[chosen].tolist()), number[chosen].tolist(), strict=True)
        )
    return Instances(category, frozenset(images))


def read_concept_map(path: str | Path, categories: dict[int, str]) -> dict[str, int]:
    """A published map: image name without extension -> COCO category id (1..90).

    Raises
    ------
    UserError : the file is missing or damaged, or an entry is no COCO category
    """
    document = read_json(path)
    if not isinstance(document, dict) or not document:
        raise UserError(
            "is not a map of image names",
            where=path,
            expected='an object such as {"COCO_val2014_000000000042": 50}',
        )
    for name, number in document.items():
        if isinstance(number, bool) or not isinstance(number, int) or number not in categories:
            raise UserError(
                f"image {name!r} has category {number!r}",
                where=path,
                expected="a COCO category id (1..90)",
            )
    return document


def _check_categories(path: str | Path, found: pa.StructArray, categories: dict[int, str]) -> None:
    for row in found.to_pylist():
        if categories.get(row["id"]) != row["name"]:
            raise UserError(
                f"category {row['id']} is {row['name']!r}",
                where=path,
                expected=f"{categories.get(row['id'], 'no such category')!r}, as in COCO",
                do="give COCO's instances file, or a taxonomy with these categories",
            )


def _check_known(path: str | Path, numbers: np.ndarray, categories: dict[int, str]) -> None:
    unknown = np.setdiff1d(numbers, np.fromiter(categories, np.int64))
    if len(unknown):
        raise UserError(
            f"objects have category {unknown[0]}",
            where=path,
            expected="a COCO category id (1..90)",
        )
