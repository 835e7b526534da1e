"""One question with its image, and the columns of an index as Python values."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import pyarrow as pa

from continual_vqa.shards.index import CellIndex


@dataclass(frozen=True, slots=True)
class Sample:
    """A question, its answers and the original bytes of its image (`payload`).

    `payload` is a view of the mapped shard; pickling a sample copies it. `where` of an error is
    `shard` with `key`.
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
    extension: str  # jpg or npy
    payload: memoryview | bytes

    def __reduce__(self) -> tuple[Any, ...]:
        values = [getattr(self, field.name) for field in fields(self)]
        return Sample, (*values[:-1], bytes(self.payload))


class Columns:
    """The columns of a cell's index as lists; equal strings are one object."""

    def __init__(self, index: CellIndex) -> None:
        table, shards = index.table, index.note.shards
        read = {name: _values(table[name]) for name in _READ}
        self.shard: list[int] = table["shard"].to_pylist()
        self.offset: list[int] = table["payload_offset"].to_pylist()
        self.size: list[int] = table["payload_bytes"].to_pylist()
        self.sha256: list[bytes | None] = table["payload_sha256"].to_pylist()
        extension = index.note.extension
        self.member = [f"{key}.{extension}\0".encode() for key in read["key"]]
        # In the order of Sample's fields, up to the payload: a row is one `zip` step.
        names = [shards[number].name for number in self.shard]
        self.rows: list[tuple[Any, ...]] = list(
            zip(*(read[name] for name in _READ), names, [extension] * len(names), strict=True)
        )


_READ = tuple(field.name for field in fields(Sample))[:-3]


def _values(column: pa.ChunkedArray) -> list[Any]:
    combined = column.combine_chunks()
    if pa.types.is_list(combined.type):
        flat = _values(pa.chunked_array([combined.flatten()]))
        lengths = combined.value_lengths().to_pylist()
        result, position = [], 0
        for length in lengths:
            result.append(tuple(flat[position : position + length]))
            position += length
        return result
    encoded = combined.dictionary_encode()
    values = encoded.dictionary.to_pylist()
    return [values[code] for code in encoded.indices.to_pylist()]
