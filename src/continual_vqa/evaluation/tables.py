"""The schema of predictions."""

from __future__ import annotations

import pyarrow as pa

# One row per question: cells in the order given, rows in the order of their index.
PREDICTIONS = pa.schema(
    [
        pa.field("question_id", pa.string()),
        pa.field("task", pa.string()),  # the skill that the question belongs to
        pa.field("group", pa.string()),  # concept group
        pa.field("answer", pa.string()),  # generated text
        pa.field("score", pa.float32()),  # natural log-probability of the answer
        pa.field("step", pa.int32()),  # step of the model that answered
    ]
)
