"""Questions about the main object: recognition, location, color, type, subcategory, causal."""

from __future__ import annotations

import random

from continual_vqa.data.miniature.asking import Asked, alone, ask
from continual_vqa.data.miniature.categories import PERSON
from continual_vqa.data.miniature.knowledge import (
    BRANDED,
    BRANDS,
    KINDS,
    PURPOSES,
    SPORTS,
    VISITS,
    WEATHER_REASONS,
)
from continual_vqa.data.miniature.world import Scene


def recognition(scene: Scene, rng: random.Random) -> list[Asked]:
    """Names: of the main object, of what is at a place, of what has a colour."""
    main = scene.main
    types = ("what is this", "what is the", "what is in the", "what is on the", "what is")
    preposition = "on" if main.place in ("left", "right") else "in"
    asked = [ask(f"What is {preposition} the {main.place}?", main.name, *types)]
    if main.category is not PERSON:
        asked.append(ask("What is this?", main.name, *types))
        asked.append(ask(f"What is the {main.color} thing?", main.name, *types))
    return asked


def location(scene: Scene, rng: random.Random) -> list[Asked]:
    """Where the main object is, which room it is, where the picture was taken."""
    asked = []
    if (main := alone(scene)) is not None:
        asked.append(ask(f"Where is the {main.name}?", main.place, "where is the"))
    if scene.indoors:
        asked.append(ask("What room is this?", scene.location, "what room is"))
    asked.append(ask("Where is the photographer?", scene.location, "where is the"))
    return asked


def color(scene: Scene, rng: random.Random) -> list[Asked]:
    """The colour of the main object or objects."""
    main = scene.main
    types = (
        "what color",
        "what color is",
        "what color is the",
        "what color are the",
        "what is the color of the",
    )
    if alone(scene) is None:
        return [ask(f"What color are the {main.category.plural}?", main.color, *types)]
    texts = (
        f"What color is the {main.name}?",
        f"What is the color of the {main.name}?",
        "What color is this?",
        f"What color {main.name} is this?",
    )
    return [ask(text, main.color, *types) for text in texts]


def kind(scene: Scene, rng: random.Random) -> list[Asked]:
    """The kind of the main object, and of the weather."""
    what = KINDS[scene.main.category.supercategory]
    asked = [
        ask("What kind of thing is this?", what, "what kind of"),
        ask(f"What type of thing is {scene.main.color}?", what, "what type of"),
    ]
    if scene.weather:
        asked.append(ask("What kind of weather is it?", scene.weather, "what kind of"))
    return asked


def subcategory(scene: Scene, rng: random.Random) -> list[Asked]:
    """Which animal, sport, brand; which time of day."""
    main = scene.main
    asked = [ask("What time of day is it?", scene.time, "what time")]
    if main.category.supercategory == "animal":
        asked.append(ask("What animal is this?", main.name, "what animal is"))
    if main.name in SPORTS:
        asked.append(ask("What sport is this?", SPORTS[main.name], "what sport is"))
    if main.category.index in BRANDED:
        asked.append(ask(f"What brand is the {main.name}?", BRANDS[main.color], "what brand"))
    return asked


def causal(scene: Scene, rng: random.Random) -> list[Asked]:
    """Reasons: to come to a place, to want the main object, for nobody being outside."""
    types = ("why", "why is the")
    asked = [
        ask("Why do people come here?", VISITS[scene.location], *types),
        ask("Why would you want this?", PURPOSES[scene.main.category.supercategory], *types),
    ]
    if scene.weather:
        asked.append(ask("Why is the place empty?", WEATHER_REASONS[scene.weather], *types))
    return asked
