"""The skill of every question, by a taxonomy; questions of none are counted and left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.data.problems import LISTED, Problems
from continual_vqa.data.taxonomy import Taxonomy


def with_skill(raw: pa.Table, taxonomy: Taxonomy, problems: Problems) -> pa.Table:
    """`raw` (columns of RAW) with the column skill, without the questions that fit no rule."""
    skill = taxonomy.assign(raw)
    for row in _rows_by_source(raw, np.asarray(pc.is_null(skill))):
        named = [
            f"{item['question_id']} ({item['question_type']!r}, nearest: "
            f"{taxonomy.nearest_type(item['question_type']) or 'none'})"
            for item in row.table.to_pylist()
        ]
        problems.add("unknown_question_types", row.source, named, row.count)
    return raw.append_column("skill", skill).filter(pc.is_valid(skill))


@dataclass(frozen=True)
class _Part:
    source: str
    table: pa.Table  # the first rows
    count: int


def _rows_by_source(raw: pa.Table, chosen: np.ndarray) -> list[_Part]:
    if not chosen.any():
        return []
    rows = raw.filter(pa.array(chosen))
    parts = []
    for source in rows["source"].unique().to_pylist():
        part = rows.filter(pc.equal(rows["source"], source))
        parts.append(_Part(source, part.slice(0, LISTED), part.num_rows))
    return parts
