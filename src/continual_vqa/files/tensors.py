"""The header of a safetensors file, read and checked without importing a tensor library.

Layout (safetensors format): 8 bytes little-endian header length, a JSON header of tensor names
with dtype, shape and [begin, end) offsets, then the data without gaps.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path

from continual_vqa.errors import UserError, naming
from continual_vqa.files.jsons import parse_json

BYTES = {
    "F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2,
    "U16": 2, "I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1,
}  # fmt: skip
MAX_HEADER = 100_000_000


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor: dtype (safetensors' name), shape, and [begin, end) bytes in the file."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def size(self) -> int:
        """The number of entries."""
        return prod(self.shape)


def read_header(path: str | Path) -> tuple[dict[str, str], dict[str, TensorInfo]]:
    """The metadata and the tensors of a safetensors file, in the order of their data.

    Raises
    ------
    UserError : not a safetensors file, truncated, or a header whose sizes do not add up
    """
    path = Path(path)
    with naming(path, "read"), path.open("rb") as handle:
        size = path.stat().st_size
        prefix = handle.read(8)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else MAX_HEADER + 1
        if length > MAX_HEADER or length + 8 > size:
            raise _damaged(path, f"{size:,} bytes cannot hold a header of {length:,}")
        document = parse_json(handle.read(length), path)
    if not isinstance(document, dict):
        raise _damaged(path, "the header is not an object")
    metadata = document.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise _damaged(path, "the metadata are not strings")
    tensors = {name: _tensor(path, name, entry, length + 8) for name, entry in document.items()}
    tensors = dict(sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)))
    position = length + 8
    for name, info in tensors.items():
        if info.begin != position:
            raise _damaged(path, f"tensor {name!r} begins at byte {info.begin:,}, not {position:,}")
        position = info.end
    if position != size:
        raise _damaged(path, f"it has {size:,} bytes, its header describes {position:,}")
    return metadata, tensors


def _tensor(path: Path, name: str, entry: object, base: int) -> TensorInfo:
    match entry:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(begin), int(end)]}:
            if dtype not in BYTES or not all(isinstance(n, int) and n >= 0 for n in shape):
                raise _damaged(path, f"tensor {name!r} has dtype {dtype!r} and shape {shape}")
            if not 0 <= begin <= end or end - begin != prod(shape) * BYTES[dtype]:
                raise _damaged(path, f"tensor {name!r} claims {end - begin:,} bytes for {shape}")
            return TensorInfo(dtype, tuple(shape), base + begin, base + end)
    raise _damaged(path, f"the entry of tensor {name!r} is malformed")


def _damaged(path: Path, reason: str) -> UserError:
    return UserError(
        f"damaged safetensors file: {reason}",
        where=path,
        do="delete it and run the workflow again: it will be made anew",
    )
