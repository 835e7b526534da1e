"""Sentences about two images in NLVR2's layout: half of them are true."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from continual_vqa.config.miniature import MiniatureConfig
from continual_vqa.data.miniature.scenes import random_scene
from continual_vqa.data.miniature.world import Scene
from continual_vqa.data.miniature.writing import stream, write_images, write_json_lines

SUBSETS = ("train", "dev", "test1")
PER_PAIR = 2
# Sentence -> whether it is true of the left and the right image.
SENTENCES: dict[str, Callable[[Scene, Scene], bool]] = {
    "Both images show the same place.": lambda left, right: left.location == right.location,
    "It is the same time of day in both images.": lambda left, right: left.time == right.time,
    "The large things have the same color.": lambda left, right: (
        left.main.color == right.main.color
    ),
    "There is a person in both images.": lambda left, right: bool(left.people and right.people),
    "The left image shows more things than the right image.": lambda left, right: (
        len(left.things) > len(right.things)
    ),
}


def write_nlvr2(config: MiniatureConfig, folder: Path, sizes: dict[str, int]) -> dict[str, int]:
    """Write the folder; `sizes` are the questions of train and test. Returns the counts."""
    counts: dict[str, int] = {}
    for subset in SUBSETS:
        rng = stream(config, f"nlvr2 {subset}")
        number = sizes["train" if subset == "train" else "test"] // PER_PAIR
        records, scenes = [], {}
        for pair in range(number):
            name = f"{subset}-{pair}-0"
            sentences = rng.sample(sorted(SENTENCES), PER_PAIR)
            images = _images(sentences[0], rng.random() < 0.5, rng)
            # Training images lie in numbered folders, as the official ones do.
            place = f"train/{pair % 100}" if subset == "train" else subset
            for side, scene in enumerate(images):
                scenes[f"{place}/{name}-img{side}.png"] = scene
            records += [
                _record(f"{name}-{each}", sentence, SENTENCES[sentence](*images), pair)
                for each, sentence in enumerate(sentences)
            ]
        write_json_lines(folder / "data" / f"{subset}.json", records)
        write_images(config, folder / "images", f"nlvr2 {subset}", scenes)
        counts[f"nlvr2_{subset}_questions"] = len(records)
    return counts


def _images(sentence: str, truth: bool, rng: random.Random) -> tuple[Scene, Scene]:
    """Two images of which the sentence is true, or false."""
    while True:
        left, right = random_scene(rng), random_scene(rng)
        if SENTENCES[sentence](left, right) == truth:
            return left, right


def _record(identifier: str, sentence: str, truth: bool, pair: int) -> dict[str, object]:
    return {
        "validation": {},
        "sentence": sentence,
        "left_url": "",
        "writer": "miniature",
        "label": str(truth),
        "synset": "miniature",
        "query": f"miniature{pair}",
        "identifier": identifier,
        "extra_validations": {},
        "right_url": "",
    }
