"""The table of paired differences: a method against all that replay and tune as it does."""

from __future__ import annotations

import math
from collections.abc import Sequence

from continual_vqa.analysis.statistics import Estimate, over_seeds
from continual_vqa.analysis.study_results import Results
from continual_vqa.analysis.table_parts import Column, Table
from continual_vqa.plan.comparisons import Comparison, comparisons

# Metric of a single task -> heading of the difference of its mean over tasks.
METRICS = {"final_accuracy": "AP", "forgetting": "AF", "novel_accuracy": "novel AP"}
NOTE = (
    "Reference minus other, in points; both replay and tune alike, and are paired by seed and "
    "skill. 95 % t intervals: over all pairs of seed and skill (narrow; takes the skills of a run "
    "as independent), and over the seeds' means alone (wide)."
)
OVER_ORDERS = " all orders: paired by order too; its means are those of each seed in each order."
EVERY = "all orders"


def paired_table(results: Results) -> Table:
    """Reference and other x differences in AP, AF and novel AP, each with both intervals.

    Choice of this project: see `comparisons`. Where the standard setting is learned in several
    orders, a further row takes them all.
    """
    kinds = ("seeds x skills", "seeds")
    columns = tuple(Column(f"{name} ({kind})") for name in METRICS.values() for kind in kinds)
    orders = results.streams(novel=False)
    groups = {stream: [stream] for stream in results.held_out}
    if len(orders) > 1:
        groups[EVERY] = orders
    rows = [
        ((name, results.titles[c.reference], results.titles[other]), estimates)
        for name, streams in groups.items()
        for c, other in _pairs(comparisons(results.slots))
        for estimates in [_estimates(results, streams, c.reference, other)]
    ]
    note = NOTE + (OVER_ORDERS if EVERY in groups else "")
    return Table(("stream", "reference", "other"), columns, tuple(rows), note)


def _pairs(found: Sequence[Comparison]) -> list[tuple[Comparison, str]]:
    return [(comparison, other) for comparison in found for other in comparison.others]


def _estimates(
    results: Results, streams: Sequence[str], reference: str, other: str
) -> tuple[Estimate, ...]:
    estimates: list[Estimate] = []
    for metric in METRICS:
        by_run = [
            values
            for stream in streams
            for values in _differences(results, stream, reference, other, metric).values()
        ]
        everything = [value for values in by_run for value in values]
        means = [sum(values) / len(values) for values in by_run]
        estimates += [over_seeds(everything), over_seeds(means)]
    return tuple(estimates)


def _differences(
    results: Results, stream: str, reference: str, other: str, metric: str
) -> dict[int, list[float]]:
    """Seed -> the differences of all tasks for which the metric is defined."""
    found: dict[int, list[float]] = {}
    for task in results.tasks(stream):
        first = results.by_seed(stream, reference, metric, task)
        second = results.by_seed(stream, other, metric, task)
        for seed in sorted(first.keys() & second.keys()):
            difference = first[seed] - second[seed]
            if not math.isnan(difference):
                found.setdefault(seed, []).append(difference)
    return found
