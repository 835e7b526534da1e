from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from continual_vqa.data.scene_graphs import (
    REGION_NAMES,
    SceneGraph,
    SceneObject,
    grounding_pairs,
    read_scene_graphs,
)
from continual_vqa.errors import UserError

OBJECT = {"name": "dog", "x": 2, "y": 2, "w": 10, "h": 10, "attributes": ["red"], "relations": []}
GRAPH = {"width": 48, "height": 48, "location": "park", "objects": {"7": OBJECT}}


def written(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document))
    return path


def scene(*things: tuple[str, int, int, tuple[str, ...]]) -> SceneGraph:
    """Things by name, column, row and attributes, each in one ninth of a 300 x 300 image."""
    objects = tuple(
        SceneObject(str(number), name, 100 * column + 20, 100 * row + 20, 60, 60, attributes)
        for number, (name, column, row, attributes) in enumerate(things)
    )
    return SceneGraph("1", 300, 300, objects, "park", "rainy")


def pairs_of(graph: SceneGraph, count: int = 600) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for prompt, answer in grounding_pairs(graph, random.Random(0), count):
        found.setdefault(prompt, set()).add(answer)
    return found


def test_reads_an_official_entry(tmp_path: Path) -> None:
    graph = read_scene_graphs(written(tmp_path / "g.json", {"42": GRAPH}))["42"]
    assert (graph.image_id, graph.width, graph.location, graph.weather) == ("42", 48, "park", "")
    assert graph.objects == (SceneObject("7", "dog", 2, 2, 10, 10, ("red",)),)
    assert graph.region(graph.objects[0]) == "top left"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"objects": None}, "image 42, objects: is a NoneType"),
        ({"width": "48"}, "width is '48'"),
        ({"height": 0}, "height is 0"),
        ({"location": 3}, "location: is a int"),
        ({"objects": {"7": {**OBJECT, "w": -(10**10)}}}, "object 7: w is"),
        ({"objects": {"7": {"name": "dog"}}}, "object 7: has no 'x'"),
        ({"objects": {"7": {**OBJECT, "attributes": "red"}}}, "attributes: is a str"),
        ({"objects": {"7": {**OBJECT, "relations": [{"name": "on"}]}}}, "has no 'object'"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, change: dict, said: str) -> None:
    path = written(tmp_path / "g.json", {"42": {**GRAPH, **change}})
    with pytest.raises(UserError) as caught:
        read_scene_graphs(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_list_is_no_scene_graph_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds a list"):
        read_scene_graphs(written(tmp_path / "g.json", [GRAPH]))


def test_pairs_say_what_is_where() -> None:
    found = pairs_of(scene(("dog", 0, 0, ("red",)), ("cat", 2, 1, ("blue",))))
    assert found["caption:"] == {"top left red dog , right blue cat"}
    assert found["ground: what is at the top left"] == {"red dog"}
    assert found["ground: what is at the middle"] == {"nothing"}
    assert found["ground: where is the cat"] == {"right"}
    assert found["ground: what is the look of the dog"] == {"red"}
    assert found["ground: what is the blue thing"] == {"cat"}
    assert found["ground: how many dogs are there"] == {"1"}
    assert found["ground: is the dog red"] == {"yes"}
    assert found["ground: is the dog blue"] == {"no"}
    assert found["ground: which place is this"] == {"park"}
    assert found["ground: what weather is it"] == {"rainy"}


def test_several_of_a_name_are_counted_and_not_located() -> None:
    found = pairs_of(scene(("dog", 0, 0, ()), ("dog", 1, 0, ()), ("cat", 2, 2, ())))
    assert found["ground: how many dogs are there"] == {"2"}
    assert "ground: where is the dog" not in found
    assert found["ground: where is the cat"] == {"bottom right"}
    assert found["ground: what is at the top"] == {"plain dog"}


def test_prompts_begin_with_their_task_and_the_draw_is_seeded() -> None:
    graph = scene(("dog", 0, 0, ("red",)), ("cat", 2, 1, ("blue",)))
    first = grounding_pairs(graph, random.Random(5), 50)
    assert len(first) == 50
    assert first == grounding_pairs(graph, random.Random(5), 50)
    assert all(prompt.startswith(("caption:", "ground: ")) for prompt, _ in first)


def test_an_empty_graph_gives_what_it_can() -> None:
    bare = SceneGraph("1", 10, 10, ())
    assert grounding_pairs(bare, random.Random(0), 3) == [] or all(
        answer == "nothing" for _, answer in grounding_pairs(bare, random.Random(0), 3)
    )
    assert len(REGION_NAMES) == 9
