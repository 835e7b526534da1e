"""Visual entailment in SNLI-VE's layout.

Of each image a sentence that is true, one that is false, and one that the image does not settle.
"""

from __future__ import annotations

import random
from pathlib import Path

from continual_vqa.config.miniature import MiniatureConfig
from continual_vqa.data.miniature.asking import alone, article, only
from continual_vqa.data.miniature.scenes import random_scene
from continual_vqa.data.miniature.world import (
    COLORS,
    LOCATIONS,
    PEOPLE,
    POSES,
    TIMES,
    WEATHERS,
    Scene,
)
from continual_vqa.data.miniature.writing import stream, write_images, write_json_lines

FIRST_ID = {"train": 1_000_001, "dev": 1_050_001, "test": 1_100_001}
LABELS = ("entailment", "contradiction", "neutral")
_WEATHER = {"sunny": "The sun shines.", "rainy": "It rains.", "snowy": "It snows."}
_WEATHER |= {"windy": "There is a storm."}
# Nothing in a picture tells.
_UNSEEN = ("is old", "is new", "is heavy", "was a present", "belongs to a friend")


def write_snli_ve(config: MiniatureConfig, folder: Path, sizes: dict[str, int]) -> dict[str, int]:
    """Write the folder; `sizes` are the questions of train and test. Returns the counts."""
    counts: dict[str, int] = {}
    for subset, first in FIRST_ID.items():
        rng = stream(config, f"snli_ve {subset}")
        number = sizes["train" if subset == "train" else "test"] // len(LABELS)
        scenes = {str(first + each): random_scene(rng) for each in range(number)}
        records = [
            _record(image, scene, label, rng) for image, scene in scenes.items() for label in LABELS
        ]
        write_json_lines(folder / f"snli_ve_{subset}.jsonl", records)
        names = {f"{image}.jpg": scene for image, scene in scenes.items()}
        write_images(config, folder / "flickr30k_images", f"snli_ve {subset}", names)
        counts[f"snli_ve_{subset}_questions"] = len(records)
    return counts


def statements(scene: Scene, truth: bool, rng: random.Random) -> list[str]:
    """Sentences about what is seen, all true or all false."""

    def claimed(real: str, values: tuple[str, ...]) -> str:
        return real if truth else rng.choice([value for value in values if value != real])

    name, plural = scene.main.name, scene.main.category.plural
    color = claimed(scene.main.color, tuple(COLORS))
    subject = f"The {name} is" if alone(scene) is not None else f"The {plural} are"
    found = [f"{subject} {color}."]
    found.append(f"This is {article(claimed(scene.location, tuple(LOCATIONS)))}.")
    found.append(f"It is {claimed(scene.time, tuple(TIMES))}.")
    if not scene.indoors:
        found.append(_WEATHER[claimed(scene.weather, WEATHERS)])
    for person in PEOPLE:
        if (one := only(scene, person)) is not None:
            found.append(f"The {person} is {claimed(one.pose, POSES)}.")
    return found


def unsettled(scene: Scene, rng: random.Random) -> list[str]:
    """Sentences that the image does not settle: what is unseen, and the weather in a room."""
    subject = f"The {scene.main.name}" if alone(scene) is not None else "The first of them"
    found = [f"{subject} {rng.choice(_UNSEEN)}."]
    if scene.indoors:
        found.append(_WEATHER[rng.choice(WEATHERS)])
    return found


def _record(image: str, scene: Scene, label: str, rng: random.Random) -> dict[str, object]:
    if label == "neutral":
        hypothesis = rng.choice(unsettled(scene, rng))
    else:
        hypothesis = rng.choice(statements(scene, label == "entailment", rng))
    caption = rng.choice(statements(scene, True, rng))
    return {
        "annotator_labels": [label],
        "captionID": f"{image}.jpg#0",
        "gold_label": label,
        "pairID": f"{image}.jpg#0r1{label[0]}",
        "sentence1": caption,
        "sentence2": hypothesis,
        "Flickr30K_ID": image,
    }
