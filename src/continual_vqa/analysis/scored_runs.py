"""The runs of a study, each with the accuracies of all its questions, from its score files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow.compute as pc

from continual_vqa.analysis.cube import Cells, Questions
from continual_vqa.analysis.run_metrics import Held, held_compositions
from continual_vqa.analysis.runs import Identity, Runs, ScoredStep
from continual_vqa.errors import UserError
from continual_vqa.evaluation.score_tables import SCORES
from continual_vqa.files.parquet import read_table


@dataclass(frozen=True, eq=False)
class ScoredRun:
    """One recipe with one seed on one stream.

    Attributes
    ----------
    steps : a score file of each step
    questions : the accuracies
    held : what the stream holds out, if anything
    """

    steps: tuple[ScoredStep, ...]
    questions: Questions
    held: Held | None

    @property
    def first(self) -> ScoredStep:
        """The first step, which names the run."""
        return self.steps[0]


def scored_runs(study: Runs) -> Iterator[ScoredRun]:
    """All runs, one at a time, in the order of first appearance.

    Raises
    ------
    UserError : a score file is missing, damaged, or does not fit the others of its run
    """
    # Runs share stages (and joint runs share everything), so that files repeat close together.
    read = lru_cache(maxsize=64)(_read_cells)
    for files in study.grouped():
        steps = tuple(several[0] for several in files)
        tasks = study.identity.cells_of(steps[0].stream)
        _check_steps(steps, len(tasks))
        answers = [_together(several, read) for several in files]
        questions = Questions(answers, tasks, study.identity.groups)
        yield ScoredRun(steps, questions, _held(steps[0], study.identity))


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
