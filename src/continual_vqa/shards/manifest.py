"""The manifest: all cells of a study in one table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from continual_vqa.errors import UserError
from continual_vqa.files.hashing import sha256_file
from continual_vqa.shards import arrow
from continual_vqa.shards.index import read_index
from continual_vqa.shards.mapping import check_shard
from continual_vqa.shards.selection import cell_parts
from continual_vqa.shards.tables import MANIFEST


def manifest(folders: Sequence[str | Path]) -> pa.Table:
    """One row per cell, sorted by name; schema `tables.MANIFEST`.

    Raises
    ------
    UserError : a damaged cell, a shard that is missing or of another size, or a cell given twice
    """
    rows = sorted((_row(Path(folder)) for folder in folders), key=lambda row: row["name"])
    names = [row["name"] for row in rows]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"cell {name} is given more than once", expected="every cell once")
    columns = []
    for field in MANIFEST:
        values = [row[field.name] for row in rows]
        texts = pa.types.is_string(field.type)
        columns.append(arrow.strings(values) if texts else arrow.numbers(np.array(values, "i8")))
    return pa.table(columns, schema=MANIFEST)


def _row(folder: Path) -> dict[str, Any]:
    index = read_index(folder)
    for number in range(len(index.note.shards)):
        check_shard(index, number)
    return {
        "name": index.note.cell,
        **cell_parts(index.note.cell),
        "questions": index.table.num_rows,
        "images": index.note.images,
        "bytes": sum(shard.bytes for shard in index.note.shards),
        "shards": len(index.note.shards),
        "sha256": sha256_file(index.file),
    }
