"""The table of a study's routes: how often the task of a test question was inferred."""

from __future__ import annotations

import math

from continual_vqa.analysis.statistics import Estimate, over_seeds
from continual_vqa.analysis.study_results import Results, interval_phrase
from continual_vqa.analysis.table_parts import Column, Table

ALL = "all tasks"


def routing_table(results: Results) -> Table:
    """Recipes x tasks: share of the test questions whose task is inferred after the last step."""
    rows = []
    for stream in results.held_out:
        for recipe in _inferring(results, stream):
            counts = _after_the_last_step(results, stream, recipe)
            for task in (ALL, *results.tasks(stream)):
                rows.append(((stream, results.titles[recipe], task), (_share(counts, task),)))
    phrase = interval_phrase([estimate for _, (estimate,) in rows])
    note = (
        "Share of the test questions whose own task is inferred from their words, among all tasks "
        f"of the stream, after the last step. Over {phrase}."
    )
    return Table(("stream", "recipe", "task"), (Column("inferred (%)"),), tuple(rows), note)


def _inferring(results: Results, stream: str) -> list[str]:
    return [r for r in results.recipes(stream) if results.slots[r].deploy == "inferred"]


def _after_the_last_step(
    results: Results, stream: str, recipe: str
) -> dict[int, dict[str, tuple[int, int]]]:
    """Seed -> task -> questions, and those whose task was inferred."""
    rows = [row for row in results.rows("routing", stream) if row["recipe"] == recipe]
    last = max((row["step"] for row in rows), default=0)
    found: dict[int, dict[str, tuple[int, int]]] = {}
    for row in rows:
        if row["step"] == last:
            found.setdefault(row["seed"], {})[row["task"]] = (row["n"], row["correct"])
    return found


def _share(counts: dict[int, dict[str, tuple[int, int]]], task: str) -> Estimate:
    """Percent over the seeds; of ALL over the questions of all tasks together."""
    values = []
    for tasks in counts.values():
        chosen = list(tasks.values()) if task == ALL else [tasks.get(task, (0, 0))]
        n, correct = (sum(column) for column in zip(*chosen, strict=True))
        values.append(100 * correct / n if n else math.nan)
    return over_seeds(values)
