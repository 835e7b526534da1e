"""Paired differences between recipes, their intervals by a bootstrap over questions and seeds.

All runs of a stream see the same draws of its test questions, so that a difference is paired
question by question, and the two recipes of a pair the same draws of seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from continual_vqa.analysis.continual_metrics import average_accuracy, average_forgetting
from continual_vqa.analysis.cube import Cube
from continual_vqa.analysis.run_metrics import Held, novel_accuracy
from continual_vqa.analysis.runs import Runs
from continual_vqa.analysis.schemas import DIFFERENCES
from continual_vqa.analysis.scored_runs import scored_runs
from continual_vqa.analysis.significance import holm
from continual_vqa.analysis.statistics import percentile_interval
from continual_vqa.config.recipe import Recipe
from continual_vqa.files.progress import track
from continual_vqa.plan.comparisons import Comparison, comparisons, replays

# As many draws as p needs that is corrected for some dozens of pairs (choice of this project).
DRAWS = 2000
# Name -> what it is of one run's accuracies.
METRICS: dict[str, Callable[[Cube, Held | None], float]] = {
    "AP": lambda cube, held: average_accuracy(cube.matrix()),
    "AF": lambda cube, held: average_forgetting(cube.matrix()),
    "novel_AP": lambda cube, held: novel_accuracy(cube, held) if held else math.nan,
}
# What the recipes of a pair differ in -> the pairs.
KINDS: dict[str, Callable[[Mapping[str, Recipe]], tuple[Comparison, ...]]] = {
    "method": comparisons,
    "replay": replays,
}


# (recipe, metric) -> seed -> float64 [1 + draws]: of the run's own questions, and of every draw.
Stream = dict[tuple[str, str], dict[int, np.ndarray]]


def differences(study: Runs, draws: int = DRAWS) -> pa.Table:
    """The table DIFFERENCES: all comparable pairs of recipes of every stream.

    Raises
    ------
    UserError : a score file is missing, damaged, or does not fit the others of its run
    """
    slots = {step.recipe: step.slots for step in study.runs}
    titles = {step.recipe: step.title for step in study.runs}
    rows: list[dict[str, object]] = []
    for stream, found in _drawn(study, draws).items():
        names = {recipe for recipe, _ in found}
        present = {name: recipe for name, recipe in slots.items() if name in names}
        some = [
            {"differ_in": kind, "reference": c.reference, "other": other}
            for kind, pairs in KINDS.items()
            for c in pairs(present)
            for other in c.others
        ]
        for metric in METRICS:
            rows += _rows(stream, metric, some, found, titles)
    return pa.Table.from_pylist(rows, schema=DIFFERENCES)


def bootstrap(first: np.ndarray, second: np.ndarray, seed: int = 0) -> tuple[float, float, float]:
    """Bounds of the 95 % interval of the mean difference, and its two-sided p.

    p is twice the share of draws on the rarer side of 0, of all draws and the observed one.

    Parameters
    ----------
    first, second : float64 [seeds, draws]; a row is the same seed, a column the same questions
    """
    count, draws = first.shape
    seeds = np.random.default_rng(seed).integers(0, count, (count, draws))
    means = np.take_along_axis(first - second, seeds, axis=0).mean(axis=0)
    low, high = percentile_interval(means)
    if math.isnan(low):
        return low, high, math.nan
    rarer = min((means <= 0).sum(), (means >= 0).sum())
    return low, high, min(1.0, float(2 * (rarer + 1) / (draws + 1)))


def _drawn(study: Runs, draws: int) -> dict[str, Stream]:
    found: dict[str, Stream] = {}
    for run in track(scored_runs(study), len(study.grouped()), "runs resampled"):
        # The same seed for every run draws the same questions.
        resampled = run.questions.resampled(draws, np.random.default_rng(0))
        cubes = [run.questions.cube(), *resampled]
        for metric, measure in METRICS.items():
            values = np.array([measure(cube, run.held) for cube in cubes])
            runs = found.setdefault(run.first.stream, {})
            runs.setdefault((run.first.recipe, metric), {})[run.first.seed] = values
    return found


def _rows(
    stream: str,
    metric: str,
    pairs: Sequence[Mapping[str, str]],
    found: Stream,
    titles: Mapping[str, str],
) -> Iterable[dict[str, object]]:
    rows = []
    for pair in pairs:
        first, second = (found[pair[name], metric] for name in ("reference", "other"))
        seeds = sorted(first.keys() & second.keys())
        if not seeds:
            continue
        a, b = (np.stack([runs[seed] for seed in seeds]) for runs in (first, second))
        low, high, p = bootstrap(a[:, 1:], b[:, 1:])
        row = {
            "stream": stream,
            **pair,
            "reference_title": titles[pair["reference"]],
            "other_title": titles[pair["other"]],
            "metric": metric,
            "seeds": len(seeds),
            "difference": float((a[:, 0] - b[:, 0]).mean()),
            "low": low,
            "high": high,
            "p": p,
        }
        rows.append(row)
    for row, corrected in zip(rows, holm([row["p"] for row in rows]), strict=True):
        yield {**row, "p_holm": corrected}
