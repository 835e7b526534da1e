"""Plans of many tasks: cells as tasks, their tests, and the studies that are shipped."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
import yaml

from continual_vqa.analysis.runs import Identity
from continual_vqa.config.load import load_study
from continual_vqa.config.places import REPOSITORY
from continual_vqa.plan.study_plan import Plan

CELLS = {
    "skills": ["location", "count"],
    "groups": ["G1", "G2"],
    "tasks": "cells",
    "held_out": ["none"],
}


def plan(stream: dict[str, object] = CELLS, every: int = 1, **raw: object) -> Plan:
    return Plan(load_study({"stream": stream, "evaluation": {"every": every}, **raw}))


def counts_of(plan: Plan, recipe: str = "sequential") -> list[int]:
    """How many cells are scored after each step."""
    (run,) = [run for run in plan.runs if run.recipe == recipe]
    return [sum(len(answers.cells) for answers in several) for several in run.answers]


def shipped(name: str) -> Plan:
    return Plan(load_study(yaml.safe_load((REPOSITORY / "config" / f"{name}.yaml").read_text())))


def test_a_stage_trains_on_its_cell_alone() -> None:
    (run,) = [run for run in plan().runs if run.recipe == "sequential"]
    assert [stage.cells for stage in run.stages] == [
        (f"train/{skill}/{group}",) for group in ("G1", "G2") for skill in ("location", "count")
    ]
    assert [stage.task for stage in run.stages][:2] == ["location.G1", "count.G1"]
    assert all(after.start is before for before, after in pairwise(run.stages))


@pytest.mark.parametrize(
    ("every", "counts"),
    [(1, [1, 2, 3, 4]), (2, [1, 2, 1, 4]), (3, [1, 1, 3, 4]), (9, [1, 1, 1, 4])],
)
def test_all_are_tested_every_so_often_and_at_the_end(every: int, counts: list[int]) -> None:
    found = plan(every=every)
    assert counts_of(found) == counts
    assert counts_of(found, "joint") == [4]
    (run,) = [run for run in found.runs if run.recipe == "sequential"]
    for step, several in enumerate(run.answers):
        assert f"test/{run.stages[step].cells[0].removeprefix('train/')}" in several[0].cells


def test_how_often_tests_are_changes_no_training_and_no_answering() -> None:
    often, seldom = plan(every=1), plan(every=2)
    assert often.stages.keys() == seldom.stages.keys()
    assert often.answering == seldom.answering
    # After the second and the last step both test the same cells.
    assert len(often.answers.keys() & seldom.answers.keys()) == len(often.answers) - 1


def test_joint_training_is_the_same_work_however_its_cells_are_cut() -> None:
    cut, whole = plan(), plan({**CELLS, "tasks": "skills"})
    assert {s.cells for s in cut.stages.values() if s.task == "joint"} == {
        s.cells for s in whole.stages.values() if s.task == "joint"
    }


def test_the_metrics_are_told_what_each_task_is_made_of() -> None:
    stream = {**CELLS, "relabelings": 1, "orders": ["published", "reversed"]}
    identity = Identity.model_validate_json(json.dumps(plan(stream).identity))
    cells = identity.cells_of("reversed")
    assert next(iter(cells)) == "count~1.G2"
    assert cells["count~1.G2"] == (("count~1", "G2"),)
    whole = Identity.model_validate_json(json.dumps(plan({**CELLS, "tasks": "skills"}).identity))
    assert whole.cells_of("published")["count"] == (("count", "G1"), ("count", "G2"))


def test_damage_is_probed_on_the_cells_of_the_earlier_tasks() -> None:
    found = plan(recipes=["sequential"], probe={"recipes": ["sequential"]})
    for probe in found.probes.values():
        assert probe.cells == ("test/location/G1", "test/count/G1", "test/location/G2")


def test_the_shipped_study_has_fifty_tasks() -> None:
    study = shipped("many-tasks")
    (stream,) = study.streams
    assert len({task.name for task in stream.tasks}) == 50
    assert all(a.skill != b.skill for a, b in pairwise(stream.tasks))
    assert len(study.cells) == 100
    assert counts_of(study, "sequential_lora")[8:11] == [1, 10, 1]


def test_the_shipped_orders_are_five_streams_of_the_same_tasks() -> None:
    streams = shipped("orders").streams
    assert len(streams) == 5
    assert len({tuple(task.name for task in stream.tasks) for stream in streams}) == 5
    assert len({frozenset(stream.tasks) for stream in streams}) == 1
