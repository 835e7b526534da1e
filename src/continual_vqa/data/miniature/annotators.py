"""Ten annotators who mostly agree: a small confusion model, so that soft accuracy matters."""

from __future__ import annotations

import random

from continual_vqa.data.miniature.categories import CATEGORIES, PERSON
from continual_vqa.data.miniature.knowledge import (
    BRANDS,
    KINDS,
    PURPOSES,
    SPORTS,
    VISITS,
    WEATHER_REASONS,
)
from continual_vqa.data.miniature.world import (
    COLORS,
    OUTSIDE,
    PLACES,
    POSES,
    ROOMS,
    TIMES,
    WEATHERS,
)

ANNOTATORS = 10
# Chance that an annotator gives the true answer, to an easy and to a hard question.
EASY, HARD = 0.96, 0.48
# Chance that an answer is written with an article or, for a number, as a word.
VARIANT = 0.02
_NUMBER_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_FAMILIES = (
    ("yes", "no"),
    tuple(COLORS),
    tuple(ROOMS),
    tuple(OUTSIDE),
    PLACES,
    POSES,
    tuple(TIMES),
    WEATHERS,
    tuple(map(str, range(7))),
    tuple(KINDS.values()),
    tuple(PURPOSES.values()),
    tuple(VISITS.values()),
    tuple(WEATHER_REASONS.values()),
    tuple(BRANDS.values()),
    tuple(dict.fromkeys(SPORTS.values())),
)
_SYNONYMS: dict[str, tuple[str, ...]] = {
    "man": ("person",),
    "woman": ("person",),
    "hungry": ("to eat",),
    "noon": ("day",),
}


def _near() -> dict[str, tuple[str, ...]]:
    near = dict(_SYNONYMS)
    for family in _FAMILIES:
        for index, answer in enumerate(family):
            # Neighbours in the family's order are what one is mistaken for.
            around = [family[index - 1], family[(index + 1) % len(family)]]
            near.setdefault(answer, tuple(dict.fromkeys(around)))
    for category in CATEGORIES:
        if category is not PERSON:
            alike = [e for e in CATEGORIES if e.supercategory == category.supercategory]
            place = alike.index(category)
            near[category.name] = tuple(
                dict.fromkeys((alike[place - 1].name, alike[(place + 1) % len(alike)].name))
            )
    return near


NEAR = _near()


def ten_answers(truth: str, rng: random.Random, disagreement: float) -> list[dict[str, object]]:
    """The `answers` of an official annotation: answer, answer_confidence, answer_id 1..10.

    A share `disagreement` of the questions is hard. Who errs gives one of the `NEAR` answers,
    less confidently.
    """
    agreement = HARD if rng.random() < disagreement else EASY
    answers: list[dict[str, object]] = []
    for number in range(1, ANNOTATORS + 1):
        agrees = rng.random() < agreement
        answer = truth if agrees else rng.choice(NEAR[truth])
        sure = 0.9 if agrees else 0.4
        confidence = "yes" if rng.random() < sure else rng.choice(("maybe", "no"))
        answers.append(
            {
                "answer": _variant(answer, rng),
                "answer_confidence": confidence,
                "answer_id": number,
            }
        )
    return answers


def answer_type(answer: str) -> str:
    """VQA v2's answer type: yes/no, number or other."""
    if answer in ("yes", "no"):
        return "yes/no"
    return "number" if answer.isdigit() else "other"


def _variant(answer: str, rng: random.Random) -> str:
    if rng.random() >= VARIANT:
        return answer
    if answer.isdigit():
        return _NUMBER_WORDS[int(answer)]
    if any(answer == each.name for each in CATEGORIES):
        return f"{'an' if answer[0] in 'aeiou' else 'a'} {answer}"
    return answer
