"""Yes/no questions: judge (what is seen) and commonsense (what is known of what is seen)."""

from __future__ import annotations

import random

from continual_vqa.data.miniature.asking import Asked, alone, article, ask, yes_no
from continual_vqa.data.miniature.categories import PERSON
from continual_vqa.data.miniature.knowledge import PROPERTIES
from continual_vqa.data.miniature.world import COLORS, NAMES, ROOMS, WEATHERS, Scene

_WEATHER_WORDS = {"sunny": "sunny", "rainy": "raining", "snowy": "snowing", "windy": "windy"}


def judge(scene: Scene, rng: random.Random) -> list[Asked]:
    """Whether the main object has a colour or is there; which room or weather it is.

    People are left out: VQACL counts questions about them as action.
    """
    main = scene.main
    types = ("is the", "are the", "is there", "is there a", "is this a", "is this an", "is it")
    asked = []
    if main.category is not PERSON:
        claimed = _true_or_other(main.color, tuple(COLORS), rng)
        subject = (
            f"Is the {main.name}" if alone(scene) is not None else f"Are the {main.category.plural}"
        )
        asked.append(ask(f"{subject} {claimed}?", yes_no(claimed == main.color), *types))
        claimed = _true_or_other(main.name, _absent(scene), rng)
        truth = yes_no(claimed == main.name)
        asked.append(ask(f"Is there {article(claimed)}?", truth, *types))
    if scene.indoors:
        claimed = _true_or_other(scene.location, tuple(ROOMS), rng)
        asked.append(ask(f"Is this {article(claimed)}?", yes_no(claimed == scene.location), *types))
    else:
        claimed = _true_or_other(scene.weather, WEATHERS, rng)
        truth = yes_no(claimed == scene.weather)
        asked.append(ask(f"Is it {_WEATHER_WORDS[claimed]}?", truth, *types))
    return asked


def commonsense(scene: Scene, rng: random.Random) -> list[Asked]:
    """Properties of the main object that are known, not seen; whether it is indoors."""
    index = scene.main.category.index
    asked = [
        ask(each.text, yes_no(index in each.yes), each.question_type)
        for each in PROPERTIES
        if index in each.yes | each.no
    ]
    asked.append(ask("Does the roof keep you dry?", yes_no(scene.indoors), "does the"))
    return asked


def _true_or_other(truth: str, choices: tuple[str, ...], rng: random.Random) -> str:
    """The truth or something else, with equal chances."""
    if rng.random() < 0.5:
        return truth
    return rng.choice([each for each in choices if each != truth])


def _absent(scene: Scene) -> tuple[str, ...]:
    present = {each.name for each in scene.things}
    people = {PERSON.name, "man", "woman"}
    return tuple(each for each in NAMES if each not in present | people)
