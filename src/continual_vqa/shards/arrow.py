"""Arrow arrays made from buffers, and back.

`pyarrow.array` and `Array.to_numpy` import pandas where it is installed (to see whether they were
given a Series): 0.2 to 0.3 s in every process that writes or reads a cell.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa


def numbers(values: np.ndarray) -> pa.Array:
    """The array of a one-dimensional NumPy array of numbers, sharing its memory."""
    flat = np.ascontiguousarray(values)
    return pa.Array.from_buffers(
        pa.from_numpy_dtype(flat.dtype), len(flat), [None, pa.py_buffer(flat)]
    )


def to_numpy(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """The values of a column of numbers without missing entries."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    dtype = np.dtype(column.type.to_pandas_dtype())
    parts = [
        np.frombuffer(chunk.buffers()[1], dtype)[chunk.offset : chunk.offset + len(chunk)]
        for chunk in chunks
        if len(chunk)
    ]
    return np.concatenate(parts) if parts else np.empty(0, dtype)


def strings(values: Sequence[str]) -> pa.Array:
    """The array of some strings, under 2 GiB in all."""
    encoded = [value.encode() for value in values]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum(list(map(len, encoded)), out=offsets[1:])
    if offsets[-1] >= 2**31:
        raise ValueError(f"{offsets[-1]:,} bytes of strings in one array")
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers)


def empty_lists(count: int, kind: pa.ListType) -> pa.Array:
    """`count` empty lists of a list type."""
    offsets = pa.py_buffer(np.zeros(count + 1, np.int32))
    values = pa.nulls(0, kind.value_type)
    return pa.Array.from_buffers(kind, count, [None, offsets], children=[values])


def scalar(value: str) -> pa.Scalar:
    """A string for the functions of `pyarrow.compute`."""
    return strings([value])[0]


def fixed(values: Sequence[bytes | None], width: int) -> pa.Array:
    """The array of byte strings that are all `width` long, or all None."""
    present = [value for value in values if value is not None]
    if not present:
        return pa.nulls(len(values), pa.binary(width))
    joined = b"".join(present)
    if len(joined) != width * len(values):
        raise ValueError(f"{len(values)} values of {width} bytes, but {len(joined)} bytes")
    return pa.Array.from_buffers(pa.binary(width), len(values), [None, pa.py_buffer(joined)])


def flags(values: Sequence[bool]) -> pa.Array:
    """The array of some truth values, a bit each."""
    bits = np.packbits(np.array(values, np.bool_), bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(bits)])


def rows(values: Sequence[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    """The table of some rows whose columns are strings, truth values and numbers."""
    columns = list(zip(*values, strict=True)) if values else [()] * len(schema)
    arrays = [_column(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _column(values: Sequence, kind: pa.DataType) -> pa.Array:
    if pa.types.is_string(kind):
        return strings(values)
    if pa.types.is_boolean(kind):
        return flags(values)
    return numbers(np.array(values, kind.to_pandas_dtype()))
