from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from continual_vqa.data.index import IndexRequest, index
from continual_vqa.data.scene_graphs import read_scene_graphs

FIELDS = {
    *("semantic", "entailed", "equivalent", "question", "imageId", "isBalanced", "groups"),
    *("answer", "semanticStr", "annotations", "types", "fullAnswer"),
}


@pytest.fixture(scope="module")
def records(world: Path) -> dict[str, dict]:
    return json.loads((world / "gqa/train_balanced_questions.json").read_text())


def test_official_fields(records: dict[str, dict], world: Path) -> None:
    graphs = read_scene_graphs(world / "gqa/train_sceneGraphs.json")
    for question_id, record in records.items():
        assert set(record) == FIELDS
        assert set(record["types"]) == {"structural", "semantic", "detailed"}
        assert set(record["groups"]) == {"global", "local"}
        assert record["imageId"] in graphs
        assert question_id in record["entailed"]
        assert set(record["entailed"]) | set(record["equivalent"]) <= set(records)
        for number, step in enumerate(record["semantic"]):
            assert set(step) == {"operation", "dependencies", "argument"}
            assert all(0 <= need < number for need in step["dependencies"])


def test_entailed_questions_are_about_the_same_image(records: dict[str, dict]) -> None:
    entailing = 0
    for question_id, record in records.items():
        for other in record["entailed"]:
            assert records[other]["imageId"] == record["imageId"]
            entailing += other != question_id
    assert entailing > 0.1 * len(records)


def test_programs_point_at_objects_of_the_scene(records: dict[str, dict], world: Path) -> None:
    graphs = read_scene_graphs(world / "gqa/train_sceneGraphs.json")
    for record in records.values():
        objects = {each.id: each.name for each in graphs[record["imageId"]].objects}
        for step in record["semantic"]:
            if step["operation"] == "select" and step["argument"] != "scene":
                name, _, number = step["argument"].strip().rpartition(" ")
                number = number.strip("()")
                assert number == "-" or objects[number] == name
        for text in ("question", "fullAnswer"):
            assert set(record["annotations"][text].values()) <= set(objects)


def test_colors_and_relations_are_true(records: dict[str, dict], world: Path) -> None:
    graphs = read_scene_graphs(world / "gqa/train_sceneGraphs.json")
    checked = Counter()
    for record in records.values():
        things = {each.name: each for each in graphs[record["imageId"]].objects}
        names = {each.id: each.name for each in graphs[record["imageId"]].objects}
        detailed = record["types"]["detailed"]
        if detailed == "directOf":
            name = record["question"].removeprefix("What color is the ").rstrip("?")
            assert record["answer"] in things[name].attributes
            checked[detailed] += 1
        if detailed == "relS":
            relations = things[record["answer"]].relations
            assert any(
                record["question"] == f"What is {relation} the {names[other]}?"
                for relation, other in relations
            )
            checked[detailed] += 1
    assert set(checked) == {"directOf", "relS"}


def test_every_skill_of_the_taxonomy_is_asked_and_answers_are_balanced(world: Path) -> None:
    root = world / "gqa"
    found = index(
        IndexRequest(
            "gqa",
            tuple(str(root / f"{s}_balanced_questions.json") for s in ("train", "val")),
            "gqa",
            scene_graphs=tuple(str(root / f"{s}_sceneGraphs.json") for s in ("train", "val")),
            payload={"kind": "images", "path": str(root / "images")},
        )
    )
    assert not found.problems.found
    rows = found.questions.to_pylist()
    for split in ("train", "test"):
        skills = {each["skill"] for each in rows if each["split"] == split}
        assert skills == {"object", "attribute", "relation", "logical", "knowledge"}
    answers: dict[str, Counter] = defaultdict(Counter)
    for each in rows:
        answers[each["question_type"]][each["answer"]] += 1
    yes, no = answers["verify"]["yes"], answers["verify"]["no"]
    assert 0.3 < yes / (yes + no) < 0.7
