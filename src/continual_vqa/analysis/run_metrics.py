"""All metrics of one run, from its cube: over all tasks, per task, held-out compositions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from continual_vqa.analysis.continual_metrics import (
    accuracy_over_steps,
    forgetting,
    metrics,
)
from continual_vqa.analysis.cube import Cube

# (metric, task), task "" for a metric over all tasks
Values = dict[tuple[str, str], float]


@dataclass(frozen=True, slots=True)
class Held:
    """A held-out concept group and the tasks on which its compositions are tested."""

    group: str
    tasks: tuple[str, ...]


def held_compositions(tasks: Sequence[str], composition_skills: Sequence[str], group: str) -> Held:
    """Compositions of `group` that a stream never trains: all but those of its first task.

    Source: VQACL, novel composition testing; that the first task of the order is left out even when
    it is a composition skill follows, as the group is trained in it.
    """
    return Held(group, tuple(t for t in tasks[1:] if t in composition_skills))


def run_metrics(cube: Cube, held: Held | None) -> Values:
    """Every metric of a run (percent or points); NaN where not defined."""
    matrix = cube.matrix()
    values: Values = {(name, ""): value for name, value in metrics(matrix).items()}
    # Named by the task just learned; a joint run has one step and no such course.
    if len(matrix) > 1:
        course = zip(cube.tasks, accuracy_over_steps(matrix), strict=True)
        values |= {("AP_so_far", task): float(value) for task, value in course}
    final = dict(zip(cube.tasks, matrix[-1], strict=True))
    values |= {("final_accuracy", task): float(value) for task, value in final.items()}
    lost = zip(cube.tasks[:-1], forgetting(matrix), strict=False)
    values |= {("forgetting", task): float(value) for task, value in lost}
    return values | (_compositions(cube, held) if held is not None else {})


def novel_accuracy(cube: Cube, held: Held) -> float:
    """novel_AP alone: mean final accuracy on the novel compositions of the held-out group."""
    columns = [cube.tasks.index(task) for task in held.tasks]
    return _mean(cube.matrix([held.group])[-1, columns])


def _compositions(cube: Cube, held: Held) -> Values:
    """Final accuracy and forgetting on novel and on seen compositions of the same tasks."""
    columns = [cube.tasks.index(task) for task in held.tasks]
    kinds = {"novel": [held.group], "seen": [g for g in cube.groups if g != held.group]}
    values: Values = {}
    for kind, groups in kinds.items():
        matrix = cube.matrix(groups)
        final = matrix[-1, columns]
        values[f"{kind}_AP", ""] = _mean(final)
        values |= {
            (f"{kind}_accuracy", t): float(v) for t, v in zip(held.tasks, final, strict=True)
        }
        lost = dict(zip(cube.tasks[:-1], forgetting(matrix), strict=False))
        values[f"{kind}_AF", ""] = _mean(np.array([lost[t] for t in held.tasks if t in lost]))
    values["composition_gap", ""] = values["seen_AP", ""] - values["novel_AP", ""]
    return values


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")
