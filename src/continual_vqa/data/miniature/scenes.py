"""Scenes drawn at random: every factor independently and uniformly, so no text predicts another."""

from __future__ import annotations

import random
from collections.abc import Sequence

from continual_vqa.data.miniature.categories import CATEGORIES, PERSON, Category
from continual_vqa.data.miniature.world import (
    COLORS,
    LOCATIONS,
    OUTSIDE,
    PEOPLE,
    POSES,
    POSITIONS,
    TIMES,
    WEATHERS,
    Scene,
    Thing,
)

MAX_ALIKE = 4
MAX_OTHERS = 2
PERSON_SHARE = 0.5


def random_scene(rng: random.Random, mains: Sequence[Category] = CATEGORIES) -> Scene:
    """A scene whose main object is of one of `mains`.

    It holds one to four objects of the main category, all of one colour, at most two others of
    distinct categories and colours, and often a man, a woman or both.
    """
    location = rng.choice(tuple(LOCATIONS))
    weather = rng.choice(WEATHERS) if location in OUTSIDE else ""
    time = rng.choice(tuple(TIMES))
    category = rng.choice(mains)
    alike = rng.randint(1, MAX_ALIKE)
    spots = rng.sample(POSITIONS, len(POSITIONS))
    colors = rng.sample(tuple(COLORS), len(COLORS))
    color = colors.pop()
    things = [
        _thing(rng, category, color, spots.pop(), large=number == 0) for number in range(alike)
    ]
    others = [each for each in CATEGORIES if each not in (category, PERSON)]
    for other in rng.sample(others, rng.randint(0, MAX_OTHERS)):
        things.append(_thing(rng, other, colors.pop(), spots.pop()))
    if category is not PERSON:
        for person in PEOPLE:
            if rng.random() < PERSON_SHARE:
                things.append(
                    _thing(rng, PERSON, colors.pop(), spots.pop(), person=person),
                )
    return Scene(location, weather, time, tuple(things))


def _thing(
    rng: random.Random,
    category: Category,
    color: str,
    position: int,
    *,
    large: bool = False,
    person: str = "",
) -> Thing:
    if category is not PERSON:
        return Thing(category, color, position, large)
    person = person or rng.choice(PEOPLE)
    return Thing(category, color, position, large, person, rng.choice(POSES))
