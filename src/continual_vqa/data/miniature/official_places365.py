"""The eight places of the world in Places365's layout: one image, one scene."""

from __future__ import annotations

import random
from pathlib import Path

from continual_vqa.config.miniature import MiniatureConfig
from continual_vqa.data.miniature.scenes import random_scene
from continual_vqa.data.miniature.world import LOCATIONS, Scene
from continual_vqa.data.miniature.writing import stream, write_images, write_lines

FIRST_ID = {"train": 1_400_001, "val": 1_500_001}
PLACES = tuple(sorted(LOCATIONS))
_LISTS = {"train": "places365_train_standard.txt", "val": "places365_val.txt"}
_FOLDERS = {"train": "data_256", "val": "val_256"}


def write_places365(config: MiniatureConfig, folder: Path, sizes: dict[str, int]) -> dict[str, int]:
    """Write the folder; `sizes` are the images of train and test. Returns the counts."""
    classes = [f"/{place[0]}/{place}" for place in PLACES]
    write_lines(
        folder / "categories_places365.txt",
        (f"{name} {number}" for number, name in enumerate(classes)),
    )
    counts: dict[str, int] = {}
    for subset, first in FIRST_ID.items():
        rng = stream(config, f"places365 {subset}")
        number = sizes["train" if subset == "train" else "test"]
        listed: dict[str, int] = {}
        files: dict[str, Scene] = {}
        for place in range(number):
            label = place % len(PLACES)
            image = f"{first + place:08d}.jpg"
            train = subset == "train"
            name = f"{classes[label]}/{image}" if train else f"Places365_val_{image}"
            listed[name] = label
            files[f"{_FOLDERS[subset]}/{name.removeprefix('/')}"] = _at(PLACES[label], rng)
        write_lines(folder / _LISTS[subset], (f"{name} {n}" for name, n in listed.items()))
        write_images(config, folder, f"places365 {subset}", files)
        counts[f"places365_{subset}_questions"] = number
    return counts


def _at(place: str, rng: random.Random) -> Scene:
    """A random scene of a place."""
    while (scene := random_scene(rng)).location != place:
        pass
    return scene
