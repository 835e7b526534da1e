"""Score files of a whole study -> the metrics table and the summary of every run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.analysis.cube import Cells, Cube, Questions
from continual_vqa.analysis.run_metrics import Held, Values, held_compositions, run_metrics
from continual_vqa.analysis.runs import Identity, Runs, ScoredStep
from continual_vqa.analysis.schemas import METRICS, SUMMARY
from continual_vqa.analysis.statistics import percentile_interval
from continual_vqa.errors import UserError
from continual_vqa.evaluation.score_tables import SCORES
from continual_vqa.files.parquet import read_table
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
    runs = study.grouped()
    seeds = Counter((run[0][0].stream, run[0][0].recipe) for run in runs)
    # Runs share stages (and joint runs share everything), so that files repeat close together.
    read = lru_cache(maxsize=64)(_read_cells)
    cells: list[dict[str, object]] = []
    values: list[dict[str, object]] = []
    for files in track(runs, len(runs), "runs aggregated"):
        run = tuple(several[0] for several in files)
        first = run[0]
        tasks = study.identity.cells_of(first.stream)
        _check_steps(run, len(tasks))
        held = _held(first, study.identity)
        steps = [_together(several, read) for several in files]
        questions = Questions(steps, tasks, study.identity.groups)
        cube = questions.cube()
        cells.extend(_metric_rows(run, cube, held))
        alone = seeds[first.stream, first.recipe] == 1
        intervals = _intervals(questions, held, first.seed) if alone else {}
        values.extend(_summary_rows(first, run_metrics(cube, held), intervals))
    return _table(cells, METRICS), _table(values, SUMMARY)


def _check_steps(run: tuple[ScoredStep, ...], tasks: int) -> None:
    steps = [step.step for step in run]
    if steps not in ([tasks], list(range(1, tasks + 1))):
        raise UserError(
            f"{run[0].recipe}, stream {run[0].stream}, seed {run[0].seed} has the steps {steps}",
            where=run[0].path,
            expected=f"1 to {tasks}, or {tasks} alone for a joint run",
        )


def _held(step: ScoredStep, identity: Identity) -> Held | None:
    if step.held_out == identity.standard:
        return None
    tasks = identity.tasks[step.stream]
    return held_compositions(tasks, identity.composition_skills, step.held_out)


def _together(files: tuple[ScoredStep, ...], read: Callable[[str], Cells]) -> Cells:
    """The cells of all score files of one step."""
    found: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]] = {}
    for file in files:
        cells = read(file.path)
        if twice := found.keys() & cells.keys():
            raise UserError(
                f"{file.recipe}, stream {file.stream}, seed {file.seed}: another file of step "
                f"{file.step} scores cell {'/'.join(min(twice))} as well",
                where=file.path,
                expected="each cell once a step",
            )
        found.update(cells)
    return found


def _read_cells(path: str) -> Cells:
    """The score file's questions by cell, sorted by id."""
    scores = read_table(path, SCORES, ["task", "group", "question_id", "accuracy"])
    keys = [(name, "ascending") for name in ("task", "group", "question_id")]
    scores = scores.take(pc.sort_indices(scores, sort_keys=keys))
    names = scores.select(["task", "group"]).to_pydict()
    labels = list(zip(names["task"], names["group"], strict=True))
    ids = scores["question_id"].to_numpy()
    accuracy = scores["accuracy"].to_numpy()
    starts = [i for i, label in enumerate(labels) if i == 0 or label != labels[i - 1]]
    return {
        labels[start]: (ids[start:stop], accuracy[start:stop])
        for start, stop in zip(starts, [*starts[1:], len(labels)], strict=True)
    }


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
