"""Questions with five choices in CommonsenseQA's layout: from what everybody in the world knows."""

from __future__ import annotations

import random
from pathlib import Path

from continual_vqa.config.miniature import MiniatureConfig
from continual_vqa.data.miniature.asking import article
from continual_vqa.data.miniature.categories import CATEGORIES, PERSON
from continual_vqa.data.miniature.knowledge import BRANDS, KINDS, PURPOSES, VISITS
from continual_vqa.data.miniature.writing import stream, write_json_lines

LABELS = "ABCDE"


def write_commonsenseqa(
    config: MiniatureConfig, folder: Path, sizes: dict[str, int]
) -> dict[str, int]:
    """Write the folder; `sizes` are the questions of train and test. Returns the counts."""
    rng = stream(config, "commonsenseqa")
    asked: dict[tuple[str, tuple[str, ...]], dict[str, object]] = {}
    while len(asked) < sum(sizes.values()):
        concept, stem, right, others = rng.choice(_STEMS)(rng)
        choices = [right, *rng.sample(sorted(set(others) - {right}), len(LABELS) - 1)]
        rng.shuffle(choices)
        record = _record(f"{rng.getrandbits(128):032x}", concept, stem, choices, right)
        asked.setdefault((stem, tuple(choices)), record)
    records = list(asked.values())
    parts = {"train": records[: sizes["train"]], "dev": records[sizes["train"] :]}
    for subset, part in parts.items():
        write_json_lines(folder / f"{subset}_rand_split.jsonl", part)
    return {f"commonsenseqa_{subset}_questions": len(part) for subset, part in parts.items()}


def _record(
    number: str, concept: str, stem: str, choices: list[str], right: str
) -> dict[str, object]:
    labelled = zip(LABELS, choices, strict=True)
    return {
        "answerKey": LABELS[choices.index(right)],
        "id": number,
        "question": {
            "question_concept": concept,
            "choices": [{"label": label, "text": text} for label, text in labelled],
            "stem": stem,
        },
    }


Asked = tuple[str, str, str, list[str]]  # concept, stem, right answer, what else might be


def _kind(rng: random.Random) -> Asked:
    category = rng.choice([each for each in CATEGORIES if each is not PERSON])
    stem = f"What kind of thing is {article(category.name)}?"
    return category.name, stem, KINDS[category.supercategory], list(KINDS.values())


def _purpose(rng: random.Random) -> Asked:
    category = rng.choice([each for each in CATEGORIES if each is not PERSON])
    stem = f"Why would you want {article(category.name)}?"
    return category.name, stem, PURPOSES[category.supercategory], list(PURPOSES.values())


def _place(rng: random.Random) -> Asked:
    place = rng.choice(sorted(VISITS))
    return place, f"Where do you go {VISITS[place]}?", place, list(VISITS)


def _brand(rng: random.Random) -> Asked:
    color = rng.choice(sorted(BRANDS))
    return color, f"Which brand is {color}?", BRANDS[color], list(BRANDS.values())


_STEMS = (_kind, _purpose, _place, _brand)
