"""One category per image: the largest object, or the published one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.data.coco import read_concept_map, read_instances
from continual_vqa.data.problems import Problems
from continual_vqa.errors import UserError
from data.official_files import write_instances

CATEGORIES = {17: "cat", 18: "dog"}


@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.sampled_from([17, 18]), st.sampled_from([1.0, 2.5, 9.0]))
    )
)
def test_largest_object_wins_and_ties_go_to_the_first(
    tmp_path_factory: pytest.TempPathFactory, objects: list[tuple[int, int, float]]
) -> None:
    path = write_instances(tmp_path_factory.mktemp("i") / "i.json", range(1, 6), objects)
    found = read_instances([path], CATEGORIES, Problems())
    expected = {}
    for image in {image for image, _, _ in objects}:
        own = [each for each in objects if each[0] == image]
        expected[str(image)] = max(own, key=lambda each: each[2])[1]
    assert found.category == expected
    assert found.images == frozenset("12345")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"categories": [{"id": 17, "name": "dog"}]}, "category 17 is 'dog'"),
        (
            {"annotations": [{"id": 1, "image_id": 1, "category_id": 12, "area": 1.0}]},
            "objects have category 12",
        ),
    ],
)
def test_other_categories_are_refused(tmp_path: Path, change: dict, reason: str) -> None:
    path = Path(write_instances(tmp_path / "i.json", [1], []))
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=reason):
        read_instances([path], CATEGORIES, Problems())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([], "is not a map"),
        ({}, "is not a map"),
        ({"a": 12}, "category 12"),
        ({"a": "17"}, "category '17'"),
        ({"a": True}, "category True"),
    ],
)
def test_bad_concept_maps(tmp_path: Path, content: object, reason: str) -> None:
    path = tmp_path / "map.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=reason):
        read_concept_map(path, CATEGORIES)
