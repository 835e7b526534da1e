"""Routes: which task's model answers each question of some cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from continual_vqa.errors import UserError
from continual_vqa.files.parquet import read_table
from continual_vqa.shards.reader import Cells

# What names a question within a study.
QUESTION = ("question_id", "skill", "group")

# One row per question: cells in the order given, rows in the order of their index.
ROUTES = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in QUESTION),
        pa.field("task", pa.string()),  # that the question is of
        pa.field("inferred", pa.string()),  # whose model answers it
        pa.field("margin", pa.float64()),  # see `task_inference.Inferred`
    ]
)


def read_routes(path: str | Path, cells: Cells) -> dict[str, np.ndarray]:
    """Inferred task -> int64 numbers of its questions in `cells`, tasks in the order of the names.

    Raises
    ------
    UserError : a missing or damaged file, or the routes of other questions
    """
    routes = read_table(path, ROUTES)
    if routes["inferred"].null_count:
        raise UserError("has empty entries", where=path, do="route again with the same cells")
    if not routes.select(QUESTION).equals(cells.table(QUESTION)):
        raise UserError(
            f"routes {routes.num_rows:,} questions, which are not the {len(cells):,} of the cells",
            where=path,
            expected="the questions of --cells, in their order",
            do="route again with the same cells",
        )
    inferred = np.array(routes["inferred"].to_pylist(), object)
    return {str(task): np.flatnonzero(inferred == task) for task in sorted(set(inferred))}
