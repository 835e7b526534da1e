"""Metrics where tasks are single cells and not every step tests every task."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from continual_vqa.analysis.aggregate import aggregate
from continual_vqa.analysis.cube import Questions
from continual_vqa.analysis.run_metrics import run_metrics
from continual_vqa.analysis.runs import parse_runs
from continual_vqa.errors import UserError
from continual_vqa.evaluation.score_tables import SCORES, score_table
from continual_vqa.files.parquet import write_table

GROUPS = ("G1", "G2")
CELLS = {
    "color.G1": (("color", "G1"),),
    "count.G1": (("count", "G1"),),
    "color.G2": (("color", "G2"),),
    "count.G2": (("count", "G2"),),
}
TASKS = tuple(CELLS)
# Accuracy in percent of two questions each: row = after step, column = task; only the second and
# the last step test more than what was just learned.
NAN = math.nan
MATRIX = np.array(
    [
        [100, NAN, NAN, NAN],
        [50, 75, NAN, NAN],
        [NAN, NAN, 100, NAN],
        [50, 25, 100, 50],
    ]
)


def write_scores(path: Path, step: int, tested: dict[str, float]) -> str:
    """Scores of two questions for each task, whose mean is the given percentage."""
    names = [name for name in tested for _ in range(2)]
    cells = [CELLS[name][0] for name in names]
    columns = {
        "question_id": [f"{name}-{n}" for name in tested for n in range(2)],
        "task": [skill for skill, _ in cells],
        "group": [group for _, group in cells],
        "answer_type": ["other"] * len(names),
        "question_type": ["what"] * len(names),
    }
    accuracy = np.repeat([value / 100 for value in tested.values()], 2)
    write_table(path, score_table(columns, accuracy, step), SCORES)
    return str(path)


def listing(folder: Path, *, split: bool = False, seeds: tuple[int, ...] = (0, 1)) -> dict:
    """A runs file of MATRIX; split: a file for each task of a step."""
    runs = []
    for step, row in enumerate(MATRIX, start=1):
        tested = {t: float(v) for t, v in zip(TASKS, row, strict=True) if not math.isnan(v)}
        files = [{task: value} for task, value in tested.items()] if split else [tested]
        for number, some in enumerate(files):
            path = write_scores(folder / f"{step}-{number}.parquet", step, some)
            common = {
                "path": path,
                "study": "many",
                "recipe": "sequential",
                "title": "Sequential",
                "schedule": "continual",
                "stream": "published",
                "order": "published",
                "held_out": "none",
                "step": step,
                "task": TASKS[step - 1],
            }
            runs += [{**common, "seed": seed} for seed in seeds]
    identity = {
        "skills": ["color", "count"],
        "groups": list(GROUPS),
        "composition_skills": ["color"],
        "tasks": {"published": list(TASKS)},
        "cells": {task: [list(cell) for cell in cells] for task, cells in CELLS.items()},
    }
    return {"identity": identity, "runs": runs}


@pytest.mark.parametrize("split", [False, True])
def test_the_metrics_of_tasks_that_are_cells_are_those_by_hand(tmp_path: Path, split: bool) -> None:
    metrics, summary = aggregate(parse_runs(listing(tmp_path, split=split), "runs.json"))
    found = np.full(MATRIX.shape, NAN)
    for row in metrics.to_pylist():
        if row["group"] == "" and row["seed"] == 1:
            assert row["n"] == 2
            found[row["step"] - 1, row["position"] - 1] = row["accuracy"]
        elif row["group"]:
            assert row["task"].endswith(row["group"])
    np.testing.assert_allclose(found, MATRIX)
    values = {(r["metric"], r["task"]): r["value"] for r in summary.to_pylist() if r["seed"] == 0}
    assert values["AP", ""] == pytest.approx((50 + 25 + 100 + 50) / 4)
    assert values["BWT", ""] == pytest.approx((-50 - 50 + 0) / 3)
    assert values["AF", ""] == pytest.approx((50 + 50 + 0) / 3)
    assert values["learning_accuracy", ""] == pytest.approx((100 + 75 + 100 + 50) / 4)
    course = [values["AP_so_far", task] for task in TASKS]
    assert course == pytest.approx([100, 62.5, NAN, 56.25], nan_ok=True)
    assert values["forgetting", "count.G1"] == pytest.approx(50)


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_how_cells_make_tasks_does_not_change_what_is_averaged(data: st.DataObject) -> None:
    """A skill's accuracy is the mean of its cells' weighted by their questions."""
    counts = {c: data.draw(st.integers(1, 5)) for cells in CELLS.values() for c in cells}
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    step = {cell: (np.arange(n), rng.random(n)) for cell, n in counts.items()}
    cells = Questions([step], CELLS, GROUPS).cube()
    skills = {s: tuple((s, g) for g in GROUPS) for s in ("color", "count")}
    whole = Questions([step], skills, GROUPS).cube()
    for place, skill in enumerate(skills):
        own = [column for column, task in enumerate(TASKS) if task.startswith(skill)]
        weights = [counts[CELLS[TASKS[column]][0]] for column in own]
        expected = np.average(cells.matrix()[0, own], weights=weights)
        assert whole.matrix()[0, place] == pytest.approx(expected)


def test_future_tasks_and_all_metrics_survive_a_single_step() -> None:
    joint = {cell: (np.arange(2), np.array([1.0, 0.5])) for (cell,) in CELLS.values()}
    values = run_metrics(Questions([joint], CELLS, GROUPS).cube(), None)
    assert values["AP", ""] == pytest.approx(75)
    assert math.isnan(values["BWT", ""])


def test_a_single_seed_has_intervals(tmp_path: Path) -> None:
    _, summary = aggregate(parse_runs(listing(tmp_path, seeds=(0,)), "runs.json"))
    (row,) = [r for r in summary.to_pylist() if r["metric"] == "AP"]
    assert row["low"] <= row["value"] <= row["high"]


def test_a_cell_scored_twice_in_a_step_is_refused(tmp_path: Path) -> None:
    content = listing(tmp_path, seeds=(0,))
    content["runs"].append(content["runs"][-1])
    with pytest.raises(UserError, match="another file of step 4 scores cell color/G1"):
        aggregate(parse_runs(content, "runs.json"))


@pytest.mark.parametrize("cells", [[["color", "G9"]], [["color", "G1"], ["count", "G1"]]])
def test_cells_that_no_cube_can_hold_are_refused(tmp_path: Path, cells: list) -> None:
    content = listing(tmp_path, seeds=(0,))
    content["identity"]["cells"]["color.G1"] = cells
    with pytest.raises(UserError, match=r"task 'color.G1' has the cells color/"):
        parse_runs(content, "runs.json")
