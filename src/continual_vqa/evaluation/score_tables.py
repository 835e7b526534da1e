"""The score table: the accuracy of every answered question, and what it can be grouped by."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SCORES = pa.schema(
    [
        pa.field("question_id", pa.string()),
        pa.field("accuracy", pa.float64()),  # in [0, 1]
        pa.field("task", pa.string()),  # the skill; "" where the taxonomy gives none
        pa.field("group", pa.string()),  # the concept group; "" for none
        pa.field("answer_type", pa.string()),
        pa.field("question_type", pa.string()),
        pa.field("consistency", pa.float64()),  # in [0, 1]; NaN where not defined
        pa.field("step", pa.int32()),  # step of the stream after which it was answered; 0: unknown
    ]
)


def score_table(columns: Mapping[str, object], accuracy: np.ndarray, step: object) -> pa.Table:
    """The table of SCORES from the question columns of the same rows.

    Parameters
    ----------
    columns : question_id, task, group, answer_type, question_type (strings [N]) and, if the dataset
        defines it, consistency (float64 [N])
    accuracy : float64 [N] in [0, 1]
    step : int, or int [N]
    """
    rows = len(accuracy)
    filled = {
        "consistency": np.full(rows, np.nan),
        **columns,
        "accuracy": accuracy,
        "step": np.broadcast_to(np.asarray(step, np.int32), rows),
    }
    arrays = [pa.array(filled[field.name], field.type) for field in SCORES]
    return pa.table(arrays, schema=SCORES)


def percent(fraction: float) -> float:
    """A fraction as a percentage with two digits, rounded as the official evaluation does."""
    return round(100 * float(fraction), 2)


def totals(scores: pa.Table, column: str) -> dict[str, dict[str, float | int]]:
    """Mean accuracy in percent and number of questions for every value of `column`, by name."""
    grouped = scores.group_by(column).aggregate([("accuracy", "mean"), ("accuracy", "count")])
    rows = sorted(
        zip(
            grouped[column].to_pylist(),
            grouped["accuracy_mean"].to_pylist(),
            grouped["accuracy_count"].to_pylist(),
            strict=True,
        )
    )
    return {name: {"accuracy": percent(mean), "questions": count} for name, mean, count in rows}


def mean_percent(values: pa.ChunkedArray | pa.Array) -> float:
    """Mean over the rows that are not NaN, in percent; NaN if there is none."""
    defined = values.filter(pc.invert(pc.is_nan(values)))
    mean = pc.mean(defined).as_py()
    return float("nan") if mean is None else percent(mean)
