"""One question with its image, and the columns of an index as Python values."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import pyarrow as pa

from continual_vqa.shards import arrow
from continual_vqa.shards.index import CellIndex


class Sample(NamedTuple):
    """A question, its answers and the original bytes of its image (`payload`).

    `payload` is a view of the mapped shard; pickling a sample copies it. `where` of an error is
    `shard` with `key`. A question about no image has the extension json and no payload; one about a
    pair has the other image's bytes in `second`.
    """

    dataset: str
    split: str
    question_id: str
    image_id: str
    question: str
    answers: tuple[str, ...]
    answer: str
    question_type: str
    answer_type: str
    skill: str
    concept: str
    group: str
    entailed: tuple[str, ...]
    key: str
    shard: str  # file name
    extension: str  # jpg, png or npy; json without an image
    payload: memoryview | bytes
    choices: tuple[str, ...] = ()
    second: memoryview | bytes = b""

    def __reduce__(self) -> tuple[Any, ...]:
        return Sample, (*self[:-3], bytes(self.payload), self.choices, bytes(self.second))


class Wide:
    """What only a wide index has: choices, and where the second image lies."""

    def __init__(self, table: pa.Table) -> None:
        self.choices: list[tuple[str, ...]] = _values(table["choices"])
        self.offset: list[int] = arrow.to_numpy(table["second_offset"]).tolist()
        self.size: list[int] = arrow.to_numpy(table["second_bytes"]).tolist()


class Columns:
    """The columns of a cell's index as lists; equal strings are one object."""

    def __init__(self, index: CellIndex) -> None:
        table, shards = index.table, index.note.shards
        read = {name: _values(table[name]) for name in _READ}
        self.shard: list[int] = arrow.to_numpy(table["shard"]).tolist()
        self.offset: list[int] = arrow.to_numpy(table["payload_offset"]).tolist()
        self.size: list[int] = arrow.to_numpy(table["payload_bytes"]).tolist()
        extension = index.note.extension
        self.member = [f"{key}.{extension}\0".encode() for key in read["key"]]
        self.wide = Wide(table) if index.note.version != "1" else None
        # In the order of Sample's fields, up to the payload: a row is one `zip` step.
        names = [shards[number].name for number in self.shard]
        self.rows: list[tuple[Any, ...]] = list(
            zip(*(read[name] for name in _READ), names, [extension] * len(names), strict=True)
        )


_READ = Sample._fields[:-5]


def _values(column: pa.ChunkedArray | pa.Array) -> list[Any]:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks)
    if pa.types.is_list(array.type):
        offsets = arrow.to_numpy(array.offsets)
        flat, ends = _values(array.flatten()), (offsets - offsets[0]).tolist()
        return [tuple(flat[start:end]) for start, end in pairwise(ends)]
    # `to_pylist` takes ten times as long, and makes equal strings anew.
    encoded = array.dictionary_encode()
    values = encoded.dictionary.to_pylist()
    return [values[code] for code in arrow.to_numpy(encoded.indices).tolist()]
