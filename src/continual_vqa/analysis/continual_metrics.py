"""What an accuracy matrix says about learning and forgetting.

The matrix a has steps in its rows and tasks in its columns: a[i, j] is the accuracy in percent on
task j after step i, NaN where it was not evaluated. Task j is the one learned at step j. A joint
run is a matrix of one row: it has an average accuracy and nothing to forget.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Matrix = np.ndarray


def average_accuracy(matrix: Matrix) -> float:
    """AP: mean over tasks of the accuracy after the last step. Source: VQACL, section 3.

    NaN when the last step did not evaluate every task.
    """
    return float(matrix[-1].mean())


def forgetting(matrix: Matrix) -> np.ndarray:
    """Per task but the last: best accuracy after an earlier step minus the last one, in points.

    Source: VQACL, section 3. Negative where a task ended better than it ever was; empty for a
    matrix of one row.
    """
    steps, tasks = _shape(matrix)
    if steps == 1:
        return np.empty(0)
    earlier = matrix[:-1, : tasks - 1]
    # A task that no earlier step evaluated has no forgetting: NaN, not minus infinity.
    best = np.where(np.isnan(earlier), -np.inf, earlier).max(axis=0)
    return np.where(np.isinf(best), np.nan, best) - matrix[-1, : tasks - 1]


def average_forgetting(matrix: Matrix) -> float:
    """AF: mean of `forgetting`; NaN for a single row or a single task."""
    return _mean(forgetting(matrix))


def backward_transfer(matrix: Matrix) -> float:
    """BWT: mean over tasks but the last of a[T, j] - a[j, j], in points.

    Source: Lopez-Paz and Ranzato, NeurIPS 2017. Negative when earlier tasks got worse; NaN for
    a single row or a single task.
    """
    steps, tasks = _shape(matrix)
    if steps == 1:
        return float("nan")
    return _mean(matrix[-1, : tasks - 1] - np.diagonal(matrix)[: tasks - 1])


def learning_accuracy(matrix: Matrix) -> float:
    """Mean over tasks of a[j, j], the accuracy right after a task was learned (Riemer et al. 2019).

    NaN for a single row with several tasks: they were not learned one after the other.
    """
    steps, tasks = _shape(matrix)
    if steps == 1 and tasks > 1:
        return float("nan")
    return float(np.diagonal(matrix).mean())


def accuracy_over_steps(matrix: Matrix) -> np.ndarray:
    """[steps]: after each step, the mean accuracy on the tasks learned so far (all, if one row)."""
    steps, _ = _shape(matrix)
    if steps == 1:
        return np.array([average_accuracy(matrix)])
    return np.array([matrix[i, : i + 1].mean() for i in range(steps)])


METRICS: dict[str, Callable[[Matrix], float]] = {
    "AP": average_accuracy,
    "AF": average_forgetting,
    "BWT": backward_transfer,
    "learning_accuracy": learning_accuracy,
}


def metrics(matrix: Matrix) -> dict[str, float]:
    """All metrics of `matrix` (float64 [steps, tasks], percent) by name; NaN where not defined."""
    return {name: metric(matrix) for name, metric in METRICS.items()}


def _shape(matrix: Matrix) -> tuple[int, int]:
    steps, tasks = matrix.shape
    if steps not in (1, tasks):
        raise ValueError(f"matrix of {steps} steps x {tasks} tasks: rows must be 1 or the tasks")
    return steps, tasks


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")
