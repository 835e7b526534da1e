"""From rows of questions to samples: one per image, with a JSON member that holds its questions.

Questions about a pair of images share a sample if they share the pair's id; a question about none
is a sample of its own.

Arrow does the work column by column: building the JSON row by row in Python would cost more than
copying the images.
"""

# pyarrow makes the functions of `compute` when imported, out of a type checker's sight.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from continual_vqa.errors import UserError
from continual_vqa.shards import arrow
from continual_vqa.shards.tables import CHOICES, QUESTION_COLUMNS

# Samples whose JSON is made at once: bounds memory, and keeps Arrow's 2 GiB strings far away.
BLOCK_IMAGES = 4096

_quote = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Grouped:
    """Questions in shard order, with the row at which each image starts (and the end)."""

    questions: pa.Table
    starts: np.ndarray  # int64, images + 1

    @property
    def images(self) -> int:
        """The number of images, that is of samples."""
        return len(self.starts) - 1

    @property
    def ids(self) -> list[str]:
        """The image id of each sample; without an image the question's own."""
        return _sample_ids(self.questions.take(arrow.numbers(self.starts[:-1]))).to_pylist()


def group_by_image(questions: pa.Table, where: str) -> Grouped:
    """Sort by (image id, question id), shorter ids first, and find where each image starts.

    Raises
    ------
    UserError : a question id occurs twice, or a value is missing
    """
    for name in _columns(questions):
        if questions[name].null_count:
            raise UserError(f"column {name!r} has empty entries", where=where, expected="none")
    columns = {"image": questions["image_id"], "question": questions["question_id"]}
    keys = pa.table(
        {
            "image_length": pc.utf8_length(columns["image"]),
            "image": columns["image"],
            "question_length": pc.utf8_length(columns["question"]),
            "question": columns["question"],
        }
    )
    order = pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in keys.column_names])
    table = questions.take(order).combine_chunks()
    distinct = pc.count_distinct(table["question_id"]).as_py()
    if distinct != table.num_rows:
        twice = pc.value_counts(table["question_id"].combine_chunks())
        first = next(row["values"].as_py() for row in twice if row["counts"].as_py() > 1)
        raise UserError(
            f"question id {first!r} occurs more than once",
            where=where,
            expected="every question once",
            do="make the questions file again",
        )
    return Grouped(table, _starts(_sample_ids(table)))


def json_members(grouped: Grouped) -> Iterator[tuple[int, list[memoryview]]]:
    """The JSON member of every sample, in blocks: (number of the first image, its texts).

    A member is `{"image_id": ..., "questions": [{...}, ...]}`, UTF-8; a question has the columns of
    questions.parquet but for the image's, in their order; `choices` where the table has them.
    """
    for first in range(0, grouped.images, BLOCK_IMAGES):
        starts = grouped.starts[first : first + BLOCK_IMAGES + 1]
        rows = grouped.questions.slice(int(starts[0]), int(starts[-1] - starts[0]))
        offsets = arrow.numbers((starts - starts[0]).astype(np.int32))
        listed = pa.ListArray.from_arrays(offsets, _question_objects(rows))
        image_ids = _quoted(_flat(rows["image_id"]).take(offsets[:-1]))
        texts = _joined('{"image_id":', image_ids, ',"questions":[', _commas(listed), "]}")
        yield first, _slices(texts)


def _question_objects(rows: pa.Table) -> pa.Array:
    parts: list[pa.Array | str] = []
    opening = "{"
    for name in _columns(rows):
        if name == "image_id":
            continue
        column = _flat(rows[name])
        parts.append(f'{opening}"{name}":')
        parts.append(_quoted_list(column) if pa.types.is_list(column.type) else _quoted(column))
        opening = ","
    return _joined(*parts, "}")


def _quoted(column: pa.Array) -> pa.Array:
    encoded = column.dictionary_encode()
    values = [_quote(value) for value in encoded.dictionary.to_pylist()]
    return arrow.strings(values).take(encoded.indices)


def _quoted_list(column: pa.Array) -> pa.Array:
    offsets = arrow.to_numpy(column.offsets)
    quoted = pa.ListArray.from_arrays(
        arrow.numbers(offsets - offsets[0]), _quoted(column.flatten())
    )
    return _joined("[", _commas(quoted), "]")


def _commas(lists: pa.ListArray) -> pa.Array:
    return pc.binary_join(lists, arrow.scalar(","))


def _joined(*parts: pa.Array | str) -> pa.Array:
    scalars = [arrow.scalar(part) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*scalars, arrow.scalar(""))


def _flat(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    return pa.concat_arrays(combined.chunks) if isinstance(combined, pa.ChunkedArray) else combined


def _slices(texts: pa.Array) -> list[memoryview]:
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset :][: len(texts) + 1].tolist()
    data = memoryview(texts.buffers()[2] or b"").cast("B")
    return [data[a:b] for a, b in pairwise(offsets)]


def _columns(questions: pa.Table) -> list[str]:
    return [name for name in (*QUESTION_COLUMNS, CHOICES) if name in questions.column_names]


def _sample_ids(questions: pa.Table) -> pa.Array:
    images = _flat(questions["image_id"])
    alone = pc.equal(images, arrow.scalar(""))
    return pc.if_else(alone, _flat(questions["question_id"]), images)


def _starts(ids: pa.Array) -> np.ndarray:
    if not len(ids):
        return np.zeros(1, np.int64)
    codes = arrow.to_numpy(ids.dictionary_encode().indices)
    changes = np.flatnonzero(np.diff(codes)) + 1
    return np.concatenate([[0], changes, [len(codes)]]).astype(np.int64)
