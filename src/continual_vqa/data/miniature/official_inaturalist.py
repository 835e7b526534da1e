"""Animals and food by their category, in iNaturalist 2019's layout: one image, one class."""

from __future__ import annotations

from pathlib import Path

from continual_vqa.config.miniature import MiniatureConfig
from continual_vqa.data.miniature.categories import CATEGORIES
from continual_vqa.data.miniature.scenes import random_scene
from continual_vqa.data.miniature.world import IMAGE_SIDE, Scene
from continual_vqa.data.miniature.writing import stream, write_images, write_json

FIRST_ID = {"train": 1_200_001, "val": 1_300_001}
FOLDERS = {"animal": "Animals", "food": "Food"}
SPECIES = tuple(each for each in CATEGORIES if each.supercategory in FOLDERS)


def write_inaturalist(
    config: MiniatureConfig, folder: Path, sizes: dict[str, int]
) -> dict[str, int]:
    """Write the folder; `sizes` are the images of train and test. Returns the counts."""
    counts: dict[str, int] = {}
    for subset, first in FIRST_ID.items():
        rng = stream(config, f"inaturalist {subset}")
        number = sizes["train" if subset == "train" else "test"]
        # Class after class in turn: file names are the same in every world.
        classes = [place % len(SPECIES) for place in range(number)]
        files: dict[str, Scene] = {}
        for place, label in enumerate(classes):
            kind = SPECIES[label]
            name = f"train_val2019/{FOLDERS[kind.supercategory]}/{label}/{first + place}.jpg"
            files[name] = random_scene(rng, [kind])
        write_json(folder / f"{subset}2019.json", _document(first, list(files), classes))
        write_images(config, folder, f"inaturalist {subset}", files)
        counts[f"inaturalist_{subset}_questions"] = number
    return counts


def _document(first: int, files: list[str], classes: list[int]) -> dict[str, object]:
    return {
        "info": {"description": "iNaturalist 2019 images of the miniature world", "year": 2019},
        "images": [
            {
                "id": first + place,
                "file_name": file,
                "width": IMAGE_SIDE,
                "height": IMAGE_SIDE,
                "license": 0,
                "rights_holder": "",
            }
            for place, file in enumerate(files)
        ],
        "licenses": [{"id": 0, "name": "CC BY 4.0", "url": ""}],
        "annotations": [
            {"id": first + place, "image_id": first + place, "category_id": label}
            for place, label in enumerate(classes)
        ],
        "categories": [{"id": label, "name": kind.name} for label, kind in enumerate(SPECIES)],
    }
