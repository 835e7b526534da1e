"""Scenes as official GQA scene graphs."""

from __future__ import annotations

from continual_vqa.data.miniature.drawing import box
from continual_vqa.data.miniature.world import IMAGE_SIDE, SKY_HEIGHT, Scene, Thing

_SIDE_BY_SIDE = ("to the left of", "to the right of")
_STACKED = ("above", "below")


def scene_graph(scene: Scene) -> dict[str, object]:
    """One entry of a GQA scene-graph file.

    The strip of sky (or the window of a room) is an object whose attribute is the time of day.
    """
    objects = {str(number): _entry(thing) for number, thing in enumerate(scene.things)}
    for number, thing in enumerate(scene.things):
        objects[str(number)]["relations"] = [
            {"name": name, "object": str(other)}
            for other, each in enumerate(scene.things)
            if (name := relation(thing, each))
        ]
    objects[str(len(objects))] = {
        "name": "window" if scene.indoors else "sky",
        "x": 0,
        "y": 0,
        "w": IMAGE_SIDE,
        "h": SKY_HEIGHT,
        "attributes": [scene.time],
        "relations": [],
    }
    graph: dict[str, object] = {
        "width": IMAGE_SIDE,
        "height": IMAGE_SIDE,
        "location": scene.location,
        "objects": objects,
    }
    if scene.weather:
        graph["weather"] = scene.weather
    return graph


def relation(thing: Thing, other: Thing) -> str:
    """How `thing` lies to `other` if they are neighbours in a row or column, else ""."""
    row, column = divmod(thing.position, 3)
    other_row, other_column = divmod(other.position, 3)
    if row == other_row and abs(column - other_column) == 1:
        return _SIDE_BY_SIDE[column > other_column]
    if column == other_column and abs(row - other_row) == 1:
        return _STACKED[row > other_row]
    return ""


def _entry(thing: Thing) -> dict[str, object]:
    x, y, w, h = box(thing)
    attributes = [thing.color, *([thing.pose] if thing.pose else [])]
    return {"name": thing.name, "x": x, "y": y, "w": w, "h": h, "attributes": attributes}
