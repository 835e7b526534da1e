"""GQA questions about a scene, with their programs and the questions that they entail."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from continual_vqa.data.miniature.asking import article, yes_no
from continual_vqa.data.miniature.scene_graph_writer import relation
from continual_vqa.data.miniature.world import COLORS, LOCATIONS, NAMES, WEATHERS, Scene, Thing

Step = tuple[str, list[int], str]


@dataclass(slots=True)
class GqaAsked:
    """One question; `entails` are the questions whose answers follow from its own."""

    text: str
    answer: str
    full_answer: str
    types: tuple[str, str, str]
    program: list[Step]
    local: str
    overall: str | None = None
    entails: list[GqaAsked] = field(default_factory=list)


def gqa_questions(scene: Scene, rng: random.Random) -> list[GqaAsked]:
    """All that is asked about one scene, each with a fair chance of yes and no.

    `types` are GQA's (structural, semantic, detailed); the triples occur in the official files.
    """
    names = [each.name for each in scene.things]
    singles = [(i, t) for i, t in enumerate(scene.things) if names.count(t.name) == 1]
    asked = [*_existence(scene, rng), *_surroundings(scene, rng)]
    for number, thing in singles:
        asked += _color(number, thing, rng)
        for other_number, other in singles:
            if name := relation(other, thing):
                asked += _relation((number, thing), (other_number, other), name, singles, rng)
    if len(singles) > 1:
        first, second = rng.sample(singles, 2)
        asked.append(_both(first, second, rng))
    return asked


def _color(number: int, thing: Thing, rng: random.Random) -> list[GqaAsked]:
    name, color, local = thing.name, thing.color, f"-{thing.name}_"
    select: Step = ("select", [], f"{name} ({number})")
    other = rng.choice([each for each in COLORS if each != color])
    claimed = rng.choice((color, other))
    truth = claimed == color
    verify = GqaAsked(
        f"Is the {name} {claimed}?",
        yes_no(truth),
        f"Yes, the {name} is {color}." if truth else f"No, the {name} is {color}.",
        ("verify", "attr", "verifyAttr" if truth else "verifyAttrC"),
        [select, ("verify color", [0], claimed)],
        f"06{local}{claimed}",
    )
    pair = rng.sample((color, other), 2)
    choose = GqaAsked(
        f"Is the {name} {pair[0]} or {pair[1]}?",
        color,
        f"The {name} is {color}.",
        ("choose", "attr", "chooseAttr"),
        [select, ("choose color", [0], "|".join(pair))],
        f"10c{local}color",
        "color",
        [verify],
    )
    query = GqaAsked(
        f"What color is the {name}?",
        color,
        f"The {name} is {color}.",
        ("query", "attr", "directOf"),
        [select, ("query", [0], "color")],
        f"10q{local}color",
        "color",
        [verify, choose],
    )
    return [query, verify, choose]


def _relation(
    subject: tuple[int, Thing],
    other: tuple[int, Thing],
    name: str,
    singles: list[tuple[int, Thing]],
    rng: random.Random,
) -> list[GqaAsked]:
    (number, thing), (other_number, seen) = subject, other
    select: Step = ("select", [], f"{thing.name} ({number})")
    local = f"-{thing.name}_{name},s"
    claims = [each for each in singles if each[0] not in (number, other_number)]
    claimed_number, claimed = rng.choice([other, rng.choice(claims)]) if claims else other
    truth = claimed is seen
    verify = GqaAsked(
        f"Is the {claimed.name} {name} the {thing.name}?",
        yes_no(truth),
        f"{'Yes' if truth else 'No'}, the {seen.name} is {name} the {thing.name}.",
        ("verify", "rel", "relVerify" if truth else "relVerifyCr"),
        [
            ("select", [], f"{claimed.name} ({claimed_number})"),
            ("verify rel", [0], f"{thing.name},{name},o ({number if truth else '-'})"),
        ],
        f"13-{claimed.name}_{thing.name}",
    )
    query = GqaAsked(
        f"What is {name} the {thing.name}?",
        seen.name,
        f"The {seen.name} is {name} the {thing.name}.",
        ("query", "rel", "relS"),
        [select, ("relate", [0], f"_,{name},s ({other_number})"), ("query", [1], "name")],
        f"14{local}",
        seen.category.supercategory,
        [verify],
    )
    return [query, verify]


def _existence(scene: Scene, rng: random.Random) -> list[GqaAsked]:
    present = {each.name: number for number, each in enumerate(scene.things)}
    absent = [name for name in NAMES if name not in present]
    name = rng.choice((rng.choice(list(present)), rng.choice(absent)))
    truth = name in present
    exist = GqaAsked(
        f"Is there {article(name)}?",
        yes_no(truth),
        f"Yes, there is {article(name)}." if truth else f"No, there is no {name}.",
        ("verify", "obj", "exist" if truth else "existC"),
        [("select", [], f"{name} ({present.get(name, '-')})"), ("exist", [0], "?")],
        f"03-{name}",
    )
    first, second = rng.sample(absent, 2)
    if rng.random() < 0.5:
        first = rng.choice(list(present))
    truth = first in present
    pair = rng.sample((first, second), 2)
    either = GqaAsked(
        f"Is there {article(pair[0])} or {article(pair[1])}?",
        yes_no(truth),
        f"Yes, there is {article(first)}."
        if truth
        else f"No, there is no {pair[0]} and no {pair[1]}.",
        ("logical", "obj", "existOr" if truth else "existOrC"),
        [
            ("select", [], f"{pair[0]} ({present.get(pair[0], '-')})"),
            ("exist", [0], "?"),
            ("select", [], f"{pair[1]} ({present.get(pair[1], '-')}) "),
            ("exist", [2], "?"),
            ("or", [1, 3], ""),
        ],
        f"09existOr-{'_'.join(sorted(pair))}",
    )
    return [exist, either]


def _both(first: tuple[int, Thing], second: tuple[int, Thing], rng: random.Random) -> GqaAsked:
    claimed = [
        thing.color
        if rng.random() < 0.7
        else rng.choice([each for each in COLORS if each != thing.color])
        for _, thing in (first, second)
    ]
    names = [thing.name for _, thing in (first, second)]
    truth = all(c == thing.color for c, (_, thing) in zip(claimed, (first, second), strict=True))
    return GqaAsked(
        f"Is the {names[0]} {claimed[0]} and the {names[1]} {claimed[1]}?",
        yes_no(truth),
        f"{'Yes' if truth else 'No'}, the {names[0]} is {first[1].color} and the {names[1]} is "
        f"{second[1].color}.",
        ("logical", "obj", "verifyAttrAnd" if truth else "verifyAttrAndC"),
        [
            ("select", [], f"{names[0]} ({first[0]})"),
            ("verify color", [0], claimed[0]),
            ("select", [], f"{names[1]} ({second[0]}) "),
            ("verify color", [2], claimed[1]),
            ("and", [1, 3], ""),
        ],
        f"09verifyAttrAnd-{'_'.join(sorted(names))}",
    )


def _surroundings(scene: Scene, rng: random.Random) -> list[GqaAsked]:
    select: Step = ("select", [], "scene")
    place = scene.location
    wrong = rng.choice([each for each in LOCATIONS if each != place])
    pair = rng.sample((place, wrong), 2)
    choose = GqaAsked(
        f"Is it {article(pair[0])} or {article(pair[1])}?",
        place,
        f"It is {article(place)}.",
        ("choose", "global", "placeChoose"),
        [select, ("choose place", [0], "|".join(pair))],
        "02c-place",
        "place",
    )
    query = GqaAsked(
        "Which place is it?",
        place,
        f"It is {article(place)}.",
        ("query", "global", "place"),
        [select, ("query", [0], "place")],
        "02q-place",
        "place",
        [choose],
    )
    if not scene.weather:
        return [query, choose]
    claimed = rng.choice(
        (scene.weather, rng.choice([each for each in WEATHERS if each != scene.weather]))
    )
    truth = claimed == scene.weather
    verify = GqaAsked(
        f"Is the weather {claimed}?",
        yes_no(truth),
        f"{'Yes' if truth else 'No'}, it is {scene.weather}.",
        ("verify", "global", "weatherVerify" if truth else "weatherVerifyC"),
        [select, ("verify weather", [0], claimed)],
        f"01-weather_{claimed}",
    )
    return [query, choose, verify]
