"""GQA scene graphs: read, checked, and turned into question-answer pairs for pretraining.

The pairs name what is where, in the manner of grounded captioning (VL-T5's pretraining tasks); the
exact tasks are a choice of this project. They work on any official GQA scene graph.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from continual_vqa.data.plurals import plural
from continual_vqa.errors import UserError
from continual_vqa.files.jsons import read_json

REGIONS = (
    ("top left", "top", "top right"),
    ("left", "middle", "right"),
    ("bottom left", "bottom", "bottom right"),
)
REGION_NAMES = tuple(name for row in REGIONS for name in row)
NOTHING = "nothing"
WITHOUT = "plain"
CAPTION_OBJECTS = 8


@dataclass(frozen=True, slots=True)
class SceneObject:
    """An object of a scene graph; x, y, w, h in pixels from the image's top left corner."""

    id: str
    name: str
    x: float
    y: float
    w: float
    h: float
    attributes: tuple[str, ...] = ()
    relations: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SceneGraph:
    """One image's objects, with its location and weather where the annotators gave them."""

    image_id: str
    width: float
    height: float
    objects: tuple[SceneObject, ...]
    location: str = ""
    weather: str = ""

    def region(self, thing: SceneObject) -> str:
        """The name of the ninth of the image that holds the centre of `thing`."""
        column = _third(thing.x + thing.w / 2, self.width)
        return REGIONS[_third(thing.y + thing.h / 2, self.height)][column]


def read_scene_graphs(path: str | Path) -> dict[str, SceneGraph]:
    """The scene graphs of an official GQA file (plain, .gz or in a .zip), by image id.

    Raises
    ------
    UserError : the file is damaged, or an entry lacks a field or has one of a wrong type
    """
    document = read_json(path)
    if not isinstance(document, dict):
        raise UserError(
            f"holds a {type(document).__name__}",
            where=path,
            expected="an object: image id -> graph",
        )
    return {key: _graph(key, value, path) for key, value in document.items()}


def grounding_pairs(graph: SceneGraph, rng: random.Random, count: int) -> list[tuple[str, str]]:
    """`count` (prompt, answer) pairs about one image, drawn with `rng`.

    A prompt begins with "caption:" or "ground:". All answers are in words of the scene graph, of
    `REGION_NAMES`, numbers, "yes" and "no". A graph without objects gives only what it can.
    """
    pairs = []
    for _ in range(count):
        tasks = list(_TASKS)
        while tasks:
            (task,) = rng.choices(tasks, weights=[_TASKS[each] for each in tasks])
            pair = task(graph, rng)
            if pair is not None:
                pairs.append(pair)
                break
            tasks.remove(task)
    return pairs


def _caption(graph: SceneGraph, rng: random.Random) -> tuple[str, str] | None:
    largest = sorted(graph.objects, key=lambda each: (-each.w * each.h, each.id))[:CAPTION_OBJECTS]
    if not largest:
        return None
    seen = {graph.region(each): each for each in reversed(largest)}
    parts = [f"{name} {_phrase(seen[name])}" for name in REGION_NAMES if name in seen]
    return "caption:", " , ".join(parts)


def _at(graph: SceneGraph, rng: random.Random) -> tuple[str, str] | None:
    region = rng.choice(REGION_NAMES)
    if graph.objects and rng.random() < 0.8:
        region = graph.region(rng.choice(graph.objects))
    return f"ground: what is at the {region}", _seen_at(graph, region)


def _place(graph: SceneGraph, rng: random.Random) -> tuple[str, str] | None:
    single = _singles(graph)
    if not single:
        return None
    thing = rng.choice(single)
    return f"ground: where is the {thing.name}", graph.region(thing)


def _attribute(graph: SceneGraph, rng: random.Random) -> tuple[str, str] | None:
    things = [each for each in _singles(graph) if each.attributes]
    if not things:
        return None
    thing = rng.choice(things)
    return f"ground: what is the look of the {thing.name}", rng.choice(thing.attributes)


def _name(graph: SceneGraph, rng: random.Random) -> tuple[str, str] | None:
    attributes = [(mark, each.name) for each in graph.objects for mark in each.attributes]
    single = [pair for pair in attributes if sum(pair[0] == mark for mark, _ in attributes) == 1]
    if not single:
        return None
    mark, name = rng.choice(single)
    return f"ground: what is the {mark} thing", name


def _count(graph: SceneGraph, rng: random.Random) -> tuple[str, str] | None:
    if not graph.objects:
        return None
    # Mostly there is one of a name: half of the questions are about the most frequent name.
    names = sorted(each.name for each in graph.objects)
    often = max(names, key=names.count)
    name = often if rng.random() < 0.5 else rng.choice(sorted(set(names)))
    return f"ground: how many {plural(name)} are there", str(names.count(name))


def _check(graph: SceneGraph, rng: random.Random) -> tuple[str, str] | None:
    things = [each for each in graph.objects if each.attributes]
    if len(things) < 2:
        return None
    thing, other = rng.sample(things, 2)
    if rng.random() < 0.5:
        return f"ground: is the {thing.name} {rng.choice(thing.attributes)}", "yes"
    mine = {mark for each in things if each.name == thing.name for mark in each.attributes}
    wrong = [mark for mark in other.attributes if mark not in mine]
    return (f"ground: is the {thing.name} {rng.choice(wrong)}", "no") if wrong else None


def _location(graph: SceneGraph, rng: random.Random) -> tuple[str, str] | None:
    return ("ground: which place is this", graph.location) if graph.location else None


def _weather(graph: SceneGraph, rng: random.Random) -> tuple[str, str] | None:
    return ("ground: what weather is it", graph.weather) if graph.weather else None


Task = Callable[[SceneGraph, random.Random], tuple[str, str] | None]
# How often each task is drawn.
_TASKS: dict[Task, float] = {
    _caption: 6,
    _at: 4,
    _place: 3,
    _attribute: 3,
    _name: 2,
    _count: 3,
    _check: 3,
    _location: 1,
    _weather: 1,
}


def _seen_at(graph: SceneGraph, region: str) -> str:
    here = [each for each in graph.objects if graph.region(each) == region]
    if not here:
        return NOTHING
    largest = max(here, key=lambda each: (each.w * each.h, each.id))
    return _phrase(largest)


def _singles(graph: SceneGraph) -> list[SceneObject]:
    names = [each.name for each in graph.objects]
    return [each for each in graph.objects if names.count(each.name) == 1]


def _phrase(thing: SceneObject) -> str:
    return " ".join((*(thing.attributes or (WITHOUT,)), thing.name))


def _third(position: float, size: float) -> int:
    return min(2, max(0, int(3 * position / size)))


def _graph(image_id: str, value: object, path: str | Path) -> SceneGraph:
    where = f"{path}: image {image_id}"
    entry = _mapping(value, where)
    objects = _mapping(_field(entry, "objects", where), f"{where}, objects")
    width, height = (_number(entry, side, where, least=1) for side in ("width", "height"))
    return SceneGraph(
        image_id,
        width,
        height,
        tuple(_object(key, each, where) for key, each in objects.items()),
        _text(entry.get("location", ""), f"{where}, location"),
        _text(entry.get("weather", ""), f"{where}, weather"),
    )


def _object(key: str, value: object, where: str) -> SceneObject:
    where = f"{where}, object {key}"
    entry = _mapping(value, where)
    x, y, w, h = (_number(entry, side, where) for side in ("x", "y", "w", "h"))
    relations = [
        (
            _text(_field(_mapping(each, where), "name", where), f"{where}, relations"),
            _text(_field(_mapping(each, where), "object", where), f"{where}, relations"),
        )
        for each in _sequence(entry.get("relations", []), f"{where}, relations")
    ]
    marks = _sequence(entry.get("attributes", []), f"{where}, attributes")
    return SceneObject(
        key,
        _text(_field(entry, "name", where), f"{where}, name"),
        x,
        y,
        w,
        h,
        tuple(_text(mark, f"{where}, attributes") for mark in marks),
        tuple(relations),
    )


def _field(entry: dict[str, object], name: str, where: str) -> object:
    if name not in entry:
        raise UserError(f"has no {name!r}", where=where, expected="a GQA scene graph")
    return entry[name]


def _mapping(value: object, where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise UserError(f"is a {type(value).__name__}", where=where, expected="an object")
    return value


def _sequence(value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        raise UserError(f"is a {type(value).__name__}", where=where, expected="a list")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise UserError(f"is a {type(value).__name__}", where=where, expected="a text")
    return value


def _number(entry: dict[str, object], name: str, where: str, least: float = -1e9) -> float:
    value = _field(entry, name, where)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < least:
        raise UserError(f"{name} is {value!r}", where=where, expected=f"a number >= {least:g}")
    return float(value)
