"""Forgetting of every task after every later one, relative to what was learned of it (CLiMB)."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from continual_vqa.analysis.climb import relative_forgetting
from continual_vqa.analysis.schemas import FORGETTING

_RUN = ("stream", "recipe", "title", "seed")


def forgetting(metrics: pa.Table, chances: Mapping[str, float]) -> pa.Table:
    """The table FORGETTING: a row per run, task and later step. Joint runs have no later step.

    Parameters
    ----------
    metrics : the table METRICS
    chances : task -> accuracy of guessing, in [0, 1]; a task that is not listed has 0
    """
    accuracies: dict[tuple, dict[int, float]] = {}
    positions: dict[tuple, int] = {}
    for row in metrics.to_pylist():
        if not row["group"]:
            key = (*(row[name] for name in _RUN), row["task"])
            accuracies.setdefault(key, {})[row["step"]] = row["accuracy"]
            positions[key] = row["position"]
    rows: list[dict[str, object]] = []
    for key, by_step in accuracies.items():
        task, learned = key[-1], by_step.get(positions[key])
        if learned is None:
            continue
        chance = 100 * chances.get(task, 0.0)
        for step, later in sorted(by_step.items()):
            if step > positions[key]:
                rows.append(
                    {
                        **dict(zip(_RUN, key, strict=False)),
                        "task": task,
                        "position": positions[key],
                        "step": step,
                        "learned": learned,
                        "later": later,
                        "chance": chance,
                        "relative": relative_forgetting(learned, later, chance),
                    }
                )
    return pa.Table.from_pylist(rows, FORGETTING)
