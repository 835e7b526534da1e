"""The table of paired differences: a method against all that replay and tune as it does."""

from __future__ import annotations

import math
from collections.abc import Sequence

from continual_vqa.analysis.significance import effect_size, holm, sign_flip_p
from continual_vqa.analysis.statistics import NO_INTERVAL, Estimate, over_seeds
from continual_vqa.analysis.study_results import Results
from continual_vqa.analysis.table_parts import Column, Table
from continual_vqa.plan.comparisons import Comparison, comparisons

# Metric of a single task -> heading of the difference of its mean over tasks.
METRICS = {"final_accuracy": "AP", "forgetting": "AF", "novel_accuracy": "novel AP"}
NOTE = (
    "Reference minus other, in points; both replay and tune alike, and are paired by seed and "
    "skill. 95 % t intervals: over all pairs of seed and skill (narrow; takes the skills of a run "
    "as independent), and over the seeds' means alone (wide). Effect: mean difference in AP over "
    "its standard deviation, of all pairs. p: sign-flip test of the same pairs, corrected for all "
    "rows of a stream (Holm)."
)
OVER_ORDERS = " all orders: paired by order too; its means are those of each seed in each order."
EVERY = "all orders"


def paired_table(results: Results) -> Table:
    """Reference and other x differences in AP, AF and novel AP, each with both intervals.

    Choice of this project: see `comparisons`. Where the standard setting is learned in several
    orders, a further row takes them all.
    """
    kinds = ("seeds x skills", "seeds")
    columns = (
        *(Column(f"{name} ({kind})") for name in METRICS.values() for kind in kinds),
        Column("AP effect (d_z)", counted="pairs"),
        Column("AP p (Holm)", digits=4, counted="pairs"),
    )
    orders = results.streams(novel=False)
    groups = {stream: [stream] for stream in results.held_out}
    if len(orders) > 1:
        groups[EVERY] = orders
    rows = []
    for name, streams in groups.items():
        pairs = _pairs(comparisons(results.slots))
        tests = _tests(
            [
                _pooled(_by_run(results, streams, c.reference, other, "final_accuracy"))
                for c, other in pairs
            ]
        )
        for (c, other), test in zip(pairs, tests, strict=True):
            labels = (name, results.titles[c.reference], results.titles[other])
            rows.append((labels, (*_estimates(results, streams, c.reference, other), *test)))
    note = NOTE + (OVER_ORDERS if EVERY in groups else "")
    return Table(("stream", "reference", "other"), columns, tuple(rows), note)


def _pairs(found: Sequence[Comparison]) -> list[tuple[Comparison, str]]:
    return [(comparison, other) for comparison in found for other in comparison.others]


def _estimates(
    results: Results, streams: Sequence[str], reference: str, other: str
) -> tuple[Estimate, ...]:
    estimates: list[Estimate] = []
    for metric in METRICS:
        by_run = _by_run(results, streams, reference, other, metric)
        means = [sum(values) / len(values) for values in by_run]
        estimates += [over_seeds(_pooled(by_run)), over_seeds(means)]
    return tuple(estimates)


def _by_run(
    results: Results, streams: Sequence[str], reference: str, other: str, metric: str
) -> list[list[float]]:
    """The differences of all tasks, for every seed in every stream."""
    found = (_differences(results, stream, reference, other, metric) for stream in streams)
    return [values for by_seed in found for values in by_seed.values()]


def _pooled(by_run: Sequence[Sequence[float]]) -> list[float]:
    return [value for values in by_run for value in values]


def _tests(compared: Sequence[Sequence[float]]) -> list[tuple[Estimate, Estimate]]:
    """Effect size and corrected p of each comparison of a stream, as values without intervals."""
    adjusted = holm([sign_flip_p(differences) for differences in compared])
    return [
        (_value(effect_size(differences), len(differences)), _value(p, len(differences)))
        for differences, p in zip(compared, adjusted, strict=True)
    ]


def _value(value: float, count: int) -> Estimate:
    return Estimate(value, math.nan, math.nan, count, NO_INTERVAL)


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
