"""What align guards saw while a stage was trained: one row per comparison and part."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from continual_vqa.files.parquet import write_table
from continual_vqa.shards import arrow

ALIGNMENT = pa.schema(
    [
        pa.field("step", pa.int64()),  # optimiser step in the stage, from 1
        pa.field("part", pa.string()),
        pa.field("entries", pa.int64()),  # compared: the largest starting weights
        pa.field("conflicts", pa.int64()),  # of these, those of the other sign, before any reset
        pa.field("misaligned_all", pa.int64()),  # those of the other sign among all of the part
        pa.field("reset", pa.bool_()),  # whether the conflicts were taken back
    ]
)


def write_alignment(
    path: str | Path, rows: Sequence[tuple[object, ...]], note: dict[str, str]
) -> None:
    """Write the rows (ALIGNMENT) as Parquet; none where no guard aligned."""
    write_table(path, arrow.rows(rows, ALIGNMENT), ALIGNMENT, note=note)
