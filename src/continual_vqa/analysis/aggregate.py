"""Score files of a whole study -> the metrics table and the summary of every run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from continual_vqa.analysis.cube import Cube, Questions
from continual_vqa.analysis.run_metrics import Held, Values, run_metrics
from continual_vqa.analysis.runs import Runs, ScoredStep
from continual_vqa.analysis.schemas import METRICS, SUMMARY
from continual_vqa.analysis.scored_runs import scored_runs
from continual_vqa.analysis.statistics import percentile_interval
from continual_vqa.files.progress import track

RESAMPLES = 500


def aggregate(study: Runs) -> tuple[pa.Table, pa.Table]:
    """The tables METRICS and SUMMARY of all runs.

    A run whose recipe has a single seed in its stream gets bootstrap intervals over questions
    (`RESAMPLES` draws, seeded by the run's seed), as no other seeds tell its spread.

    Raises
    ------
    UserError : a score file is missing, damaged, or does not fit the others of its run
    """
    seeds = Counter((run[0][0].stream, run[0][0].recipe) for run in study.grouped())
    cells: list[dict[str, object]] = []
    values: list[dict[str, object]] = []
    for run in track(scored_runs(study), len(study.grouped()), "runs aggregated"):
        cube, first = run.questions.cube(), run.first
        cells.extend(_metric_rows(run.steps, cube, run.held))
        alone = seeds[first.stream, first.recipe] == 1
        intervals = _intervals(run.questions, run.held, first.seed) if alone else {}
        values.extend(_summary_rows(first, run_metrics(cube, run.held), intervals))
    return _table(cells, METRICS), _table(values, SUMMARY)


def _metric_rows(
    run: tuple[ScoredStep, ...], cube: Cube, held: Held | None
) -> Iterable[dict[str, object]]:
    whole = cube.matrix()
    for row, step in enumerate(run):
        for column, task in enumerate(cube.tasks):
            common = {
                **_identity(step),
                "schedule": step.schedule,
                "step": step.step,
                "task": task,
                "position": column + 1,
            }
            if not np.isnan(whole[row, column]):
                n = int(cube.questions[column].sum())
                accuracy = float(whole[row, column])
                yield {**common, "group": "", "novel": False, "n": n, "accuracy": accuracy}
            for place, group in enumerate(cube.groups):
                accuracy = float(cube.accuracy[row, column, place])
                if np.isnan(accuracy):
                    continue
                novel = held is not None and group == held.group and column > 0
                n = int(cube.questions[column, place])
                yield {**common, "group": group, "novel": novel, "n": n, "accuracy": accuracy}


def _intervals(
    questions: Questions, held: Held | None, seed: int
) -> dict[tuple[str, str], tuple[float, float]]:
    draws = questions.resampled(RESAMPLES, np.random.default_rng(seed))
    values = [run_metrics(cube, held) for cube in draws]
    return {key: percentile_interval(np.array([v[key] for v in values])) for key in values[0]}


def _summary_rows(
    step: ScoredStep, values: Values, intervals: dict[tuple[str, str], tuple[float, float]]
) -> Iterable[dict[str, object]]:
    unknown = (float("nan"), float("nan"))
    slots = step.slots.model_dump_json(exclude={"title", "paper"})
    for (metric, task), value in values.items():
        low, high = intervals.get((metric, task), unknown)
        row = {"metric": metric, "task": task, "value": value, "low": low, "high": high}
        yield {**_identity(step), "slots": slots, **row}


def _identity(step: ScoredStep) -> dict[str, object]:
    names = ("study", "stream", "order", "held_out", "recipe", "title", "seed")
    return {name: getattr(step, name) for name in names}


def _table(rows: list[dict[str, object]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=schema)
