"""The training curve: one row per optimiser step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from continual_vqa.files.parquet import write_table
from continual_vqa.shards import arrow

CURVE = pa.schema(
    [
        pa.field("step", pa.int64()),  # optimiser step, from 1
        pa.field("group", pa.string()),  # concept group, or "all"
        pa.field("epoch", pa.int32()),  # from 1, within the group
        pa.field("loss", pa.float64()),  # mean weighted loss of the batch
        pa.field("lr", pa.float64()),
        pa.field("samples_per_second", pa.float64()),
    ]
)


class CurveRow(NamedTuple):
    """One row of CURVE."""

    step: int
    group: str
    epoch: int
    loss: float
    lr: float
    samples_per_second: float


def write_curve(path: str | Path, rows: Sequence[CurveRow], note: dict[str, str]) -> None:
    """Write the rows as Parquet."""
    write_table(path, arrow.rows(rows, CURVE), CURVE, note=note)
