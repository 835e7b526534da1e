"""Questions about numbers (count) and about what people do (action)."""

from __future__ import annotations

import random

from continual_vqa.data.miniature.asking import Asked, ask, only, yes_no
from continual_vqa.data.miniature.categories import PERSON
from continual_vqa.data.miniature.world import PEOPLE, POSES, Scene


def count(scene: Scene, rng: random.Random) -> list[Asked]:
    """How many of the main category there are; how many people."""
    people = ask(
        "How many people are in the picture?", str(len(scene.people)), "how many people are in"
    )
    category = scene.main.category
    if category is PERSON:
        return [people]
    number = str(len(scene.of(category)))
    texts = (f"How many {category.plural} are there?", f"How many {category.plural} do you see?")
    return [people, *(ask(text, number, "how many") for text in texts)]


def action(scene: Scene, rng: random.Random) -> list[Asked]:
    """What the man or the woman is doing, openly and as a yes/no question."""
    asked = []
    for person in PEOPLE:
        if (one := only(scene, person)) is None:
            continue
        asked.append(ask(f"What is the {person} doing?", one.pose, f"what is the {person}"))
        claimed = one.pose
        if rng.random() < 0.5:
            claimed = rng.choice([pose for pose in POSES if pose != one.pose])
        truth = yes_no(claimed == one.pose)
        asked.append(ask(f"Is the {person} {claimed}?", truth, f"is the {person}"))
    if len(scene.people) == 1:
        asked.append(ask("What is the person doing?", scene.people[0].pose, "what is the person"))
    return asked
