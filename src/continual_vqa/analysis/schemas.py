"""The two tables of a study's results: every cell's accuracy, and every run's metrics."""

from __future__ import annotations

import pyarrow as pa

_RUN = [
    pa.field("study", pa.string()),
    pa.field("stream", pa.string()),
    pa.field("order", pa.string()),
    pa.field("held_out", pa.string()),  # the held-out concept group, or "none"
    pa.field("recipe", pa.string()),
    pa.field("title", pa.string()),
    pa.field("seed", pa.int64()),
]

# One row per run, step, task and concept group; group "" holds all the task's questions.
METRICS = pa.schema(
    [
        *_RUN,
        pa.field("schedule", pa.string()),
        pa.field("step", pa.int32()),  # after this step of the stream; joint: the last
        pa.field("task", pa.string()),
        pa.field("position", pa.int32()),  # step at which the task is learned, from 1
        pa.field("group", pa.string()),
        pa.field("novel", pa.bool_()),  # skill and concept were never trained together
        pa.field("n", pa.int64()),  # questions
        pa.field("accuracy", pa.float64()),  # percent
    ]
)

# One row per run, metric and task; task "" is the metric over all tasks.
SUMMARY = pa.schema(
    [
        *_RUN,
        pa.field("metric", pa.string()),
        pa.field("task", pa.string()),
        pa.field("value", pa.float64()),  # percent or points; NaN: not defined
        pa.field("low", pa.float64()),  # 95 % bootstrap over questions; NaN: not computed
        pa.field("high", pa.float64()),
    ]
)
