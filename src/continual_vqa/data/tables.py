"""The table of questions: its schema, its order, reading and writing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.files.parquet import read_table, write_table

# One row per question. Empty text where a dataset has no such value.
QUESTIONS = pa.schema(
    [
        pa.field("dataset", pa.string()),
        pa.field("split", pa.string()),  # train, val or test
        pa.field("question_id", pa.string()),
        pa.field("image_id", pa.string()),  # of a pair: the pair's; "" where a question has none
        pa.field("image_path", pa.string()),  # relative to the image root; "" without images
        pa.field("question", pa.string()),
        pa.field("answers", pa.list_(pa.string())),  # raw: ten for VQA v2, one for GQA
        pa.field("answer", pa.string()),  # majority answer
        pa.field("question_type", pa.string()),  # GQA: types.structural
        pa.field("answer_type", pa.string()),  # GQA: types.semantic
        pa.field("skill", pa.string()),
        pa.field("concept", pa.string()),  # COCO category or GQA object name
        pa.field("group", pa.string()),  # "" = in no group
        pa.field("entailed", pa.list_(pa.string())),  # GQA: ids that this answer settles
        pa.field("choices", pa.list_(pa.string())),  # what may be answered; [] where open
        pa.field("second_image_path", pa.string()),  # of a pair; else ""
    ]
)

_NUMBER = r"^(0|[1-9][0-9]{0,17})$"


def write_questions(
    path: str | Path, table: pa.Table, *, note: Mapping[str, str] | None = None
) -> None:
    """Write questions.parquet; see `files.parquet.write_table`."""
    write_table(path, table, QUESTIONS, note=note)


def read_questions(path: str | Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read questions.parquet, or some `columns` of it; see `files.parquet.read_table`."""
    return read_table(path, QUESTIONS, columns)


def flat(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column as one array; a dictionary-encoded one with one dictionary."""
    if isinstance(column, pa.ChunkedArray):
        combined = column.unify_dictionaries().combine_chunks()
        return (
            pa.concat_arrays(combined.chunks) if isinstance(combined, pa.ChunkedArray) else combined
        )
    return column


def row_order(
    split: pa.ChunkedArray, image_id: pa.ChunkedArray, question_id: pa.ChunkedArray
) -> pa.Array:
    """Indices that sort rows by split, image and question; shorter ids before longer ones.

    Numbers therefore stand in numeric order, whatever the order of the files.
    """
    columns: dict[str, pa.Array | pa.ChunkedArray] = {"split": split}
    for name, ids in (("image", image_id), ("question", question_id)):
        if pc.all(pc.match_substring_regex(ids, _NUMBER)).as_py():
            columns[name] = pc.cast(ids, pa.int64())
        else:
            columns[f"{name}_length"] = pc.utf8_length(ids)
            columns[name] = ids
    keys = pa.table(columns)
    return pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in keys.column_names])


# What a reader gives; skills, groups, splits and image paths are then found alike for all datasets.
RAW = pa.schema(
    [
        pa.field("source", pa.string()),  # the file of the question
        pa.field("subset", pa.string()),  # train2014, val2014; train, val, testdev
        pa.field("question_id", pa.string()),
        pa.field("image_id", pa.string()),
        # Of the image's file: .jpg is understood; with a folder in it, its path below the root.
        pa.field("image_name", pa.string()),
        pa.field("question", pa.string()),
        pa.field("answers", pa.list_(pa.string())),
        pa.field("answer", pa.string()),
        pa.field("question_type", pa.string()),
        pa.field("answer_type", pa.string()),
        pa.field("detailed_type", pa.string()),
        pa.field("concept", pa.string()),  # where the question itself names one
        pa.field("entailed", pa.list_(pa.string())),
        pa.field("choices", pa.list_(pa.string())),
        pa.field("second_image_name", pa.string()),
    ]
)
