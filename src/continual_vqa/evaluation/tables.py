"""The prediction table: what a model answered, one row a question."""

from __future__ import annotations

import pyarrow as pa

PREDICTIONS = pa.schema(
    [
        pa.field("question_id", pa.string()),
        pa.field("task", pa.string()),  # the skill of the question's cell
        pa.field("group", pa.string()),  # the concept group of the question's cell
        pa.field("answer", pa.string()),
        pa.field("score", pa.float32()),  # log-probability of the answer
        pa.field("step", pa.int32()),  # step of the stream after which it was answered
    ]
)
