"""Mistakes in what tasks are and in which order they come."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from continual_vqa.config.load import ConfigError, load_study
from continual_vqa.config.places import REPOSITORY
from continual_vqa.plan.study_plan import Plan

FILES = REPOSITORY / "config" / "similarity"
ORDERS = ["similar-first", "dissimilar-first"]


def mistakes(**stream: object) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        load_study({"stream": stream})
    return {m.path: str(m) for m in caught.value.mistakes}


@pytest.mark.parametrize("key", [{"tasks": "cells"}, {"relabelings": 2}])
def test_cells_and_copies_hold_nothing_out(key: dict[str, object]) -> None:
    found = mistakes(held_out=["none", "G2"], **key)
    assert f"holds out G2 while stream.{next(iter(key))} is" in found["stream.held_out"]
    assert load_study({"stream": {"held_out": ["none"], **key}})


def test_an_order_by_similarity_says_how_to_measure_it(tmp_path: Path) -> None:
    found = mistakes(orders=["published", "similar-first"])["stream.similarity"]
    assert "is empty while stream.orders names similar-first" in found
    assert "continual-vqa similarity --questions results/demo/data/questions.parquet" in found
    missing = tmp_path / "none.json"
    found = mistakes(orders=ORDERS, similarity=str(missing), tasks="cells", held_out=["none"])
    assert f"{missing} does not exist" in found["stream.similarity"]
    assert f"--tasks cells --out {missing}" in found["stream.similarity"]
    missing.write_text("[1")
    found = mistakes(orders=ORDERS, similarity=str(missing))
    assert "truncated JSON" in found["stream.similarity"]


def test_tasks_that_were_not_measured_are_named() -> None:
    path = str(FILES / "miniature-full.json")
    found = mistakes(orders=ORDERS, similarity=path, relabelings=1, held_out=["none"])
    assert "lacks recognition~1, location~1" in found["stream.similarity"]
    # Without an order that follows it the file is not even looked at.
    assert load_study({"stream": {"similarity": "nowhere.json"}})


@pytest.mark.parametrize(
    ("name", "tasks", "count"),
    [("miniature-full", "skills", 10), ("miniature-full-cells", "cells", 50)],
)
def test_the_shipped_similarities_order_the_full_miniature(name, tasks, count) -> None:
    stream = {
        "skills": "all",
        "tasks": tasks,
        "held_out": ["none"],
        "orders": ["published", *ORDERS],
        "similarity": str(FILES / f"{name}.json"),
    }
    plan = Plan(load_study({"stream": stream}))
    orders = [[task.name for task in stream.tasks] for stream in plan.streams]
    assert [len(set(order)) for order in orders] == [count] * 3
    assert len({tuple(order) for order in orders}) == 3
    assert len({frozenset(order) for order in orders}) == 1
    content = json.loads((FILES / f"{name}.json").read_text())
    assert set(content["names"]) == set(orders[0])


SOURCES = {name: {"format": name} for name in ("piqa", "snli_ve", "inaturalist", "vqav2")}


def test_an_order_by_modality_needs_tasks_of_both_kinds() -> None:
    found = mistakes(orders=["mono-first"])["stream.orders[0]"]
    assert "'mono-first' while the tasks are all of image and text" in found
    mix = {"data": {"sources": SOURCES}, "stream": {"groups": "all", "held_out": ["none"]}}
    mix["stream"] |= {"skills": "all", "orders": ["multi-first", "mono-first"]}
    first, second = ([t.name for t in s.tasks] for s in Plan(load_study(mix)).streams)
    assert first == ["snli_ve", "vqav2", "piqa", "inaturalist"]
    assert second == ["piqa", "inaturalist", "snli_ve", "vqav2"]
    with pytest.raises(ConfigError, match="or none is"):
        load_study({**mix, "stream": {**mix["stream"], "skills": ["piqa", "inaturalist"]}})
