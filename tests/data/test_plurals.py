from __future__ import annotations

import pytest

from continual_vqa.data.plurals import plural


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("dog", "dogs"),
        ("bus", "buses"),
        ("wine glass", "wine glasses"),
        ("person", "people"),
        ("teddy bear", "teddy bears"),
        ("knife", "knives"),
        ("computer mouse", "computer mice"),
        ("sheep", "sheep"),
        ("scissors", "scissors"),
        ("trees", "trees"),
        ("bench", "benches"),
        ("toothbrush", "toothbrushes"),
        ("berry", "berries"),
        ("toy", "toys"),
        ("box", "boxes"),
    ],
)
def test_plurals(one: str, many: str) -> None:
    assert plural(one) == many
