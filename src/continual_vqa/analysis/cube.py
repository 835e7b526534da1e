"""One run's accuracies as an array over steps, tasks and concept groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from continual_vqa.analysis.statistics import bootstrap_task
from continual_vqa.errors import UserError

# (skill, group) -> question ids, sorted, and their accuracies in the same order
Cells = Mapping[tuple[str, str], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Cube:
    """Accuracies of one run.

    Attributes
    ----------
    tasks, groups : names, tasks in the order in which they are learned
    accuracy : float64 [steps, tasks, groups], percent; NaN where not evaluated
    questions : int64 [tasks, groups]
    """

    tasks: tuple[str, ...]
    groups: tuple[str, ...]
    accuracy: np.ndarray
    questions: np.ndarray

    def matrix(self, groups: Sequence[str] | None = None) -> np.ndarray:
        """float64 [steps, tasks]: accuracy over all questions of `groups` (default: all groups).

        NaN where the step did not evaluate the task, or the task has no questions there.
        """
        chosen = [self.groups.index(g) for g in (self.groups if groups is None else groups)]
        weights = self.questions[:, chosen].astype(np.float64)
        # A cell without questions has weight 0 and must not spread its NaN.
        values = np.where(weights > 0, self.accuracy[:, :, chosen], 0.0)
        with np.errstate(invalid="ignore"):
            return (values * weights).sum(axis=2) / weights.sum(axis=1)


class Questions:
    """The accuracies of one run question by question: gives the cube and resampled cubes."""

    def __init__(
        self,
        steps: Sequence[Cells],
        tasks: Mapping[str, Sequence[tuple[str, str]]],
        groups: Sequence[str],
    ) -> None:
        """Collect the answers of one run.

        Parameters
        ----------
        steps : the cells answered after each step of the run
        tasks : in the order of learning; each with its cells (skill, group), one of a group at most

        Raises
        ------
        UserError : two steps answered different questions of the same cell
        """
        self.tasks, self.groups = tuple(tasks), tuple(groups)
        self._steps = len(steps)
        self._cells = {
            (t, self.groups.index(cell[1])): columns
            for t, cells in enumerate(tasks.values())
            for cell in cells
            if (columns := _columns(steps, cell)) is not None
        }

    def cube(self) -> Cube:
        """The run as it is."""
        return self._filled({place: cell.mean(axis=0) for place, cell in self._cells.items()})

    def resampled(self, resamples: int, rng: np.random.Generator) -> list[Cube]:
        """Cubes of the same run with the questions of every cell drawn anew with replacement."""
        means = {place: bootstrap_task(cell, resamples, rng) for place, cell in self._cells.items()}
        return [
            self._filled({place: values[draw] for place, values in means.items()})
            for draw in range(resamples)
        ]

    def _filled(self, means: Mapping[tuple[int, int], np.ndarray]) -> Cube:
        shape = (len(self.tasks), len(self.groups))
        accuracy = np.full((self._steps, *shape), np.nan)
        questions = np.zeros(shape, np.int64)
        for (task, group), values in means.items():
            accuracy[:, task, group] = 100 * values
            questions[task, group] = len(self._cells[task, group])
        return Cube(self.tasks, self.groups, accuracy, questions)


def _columns(steps: Sequence[Cells], cell: tuple[str, str]) -> np.ndarray | None:
    """float64 [questions, steps] in [0, 1], NaN for steps that did not answer the cell."""
    answered = [(number, step[cell]) for number, step in enumerate(steps) if cell in step]
    if not answered:
        return None
    first = answered[0][1][0]
    columns = np.full((len(first), len(steps)), np.nan)
    for number, (ids, accuracy) in answered:
        if not np.array_equal(ids, first):
            raise UserError(
                f"cell {'/'.join(cell)}: row {number + 1} of the run's steps scores other questions"
                " than the first one",
                expected="the same questions after every step",
                do="score all steps of the run again from the same cells",
            )
        columns[:, number] = accuracy
    return columns
