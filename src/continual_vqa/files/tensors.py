"""Safetensors files without a tensor library: the header checked, arrays mapped, bytes written.

Layout (safetensors format): 8 bytes little-endian header length, a JSON header of tensor names
with dtype, shape and [begin, end) offsets, then the data without gaps. The stock writer orders the
metadata at random; here everything is sorted: equal content gives equal bytes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continual_vqa.errors import UserError, naming
from continual_vqa.files.atomic import atomic_path
from continual_vqa.files.jsons import is_unicode, parse_json
from continual_vqa.files.reading import ordinary_size

BYTES = {
    "F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2,
    "U16": 2, "I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1,
}  # fmt: skip
# The dtypes that numpy has too; BF16 and the 8-bit floats are not among them.
NUMPY = {
    "F64": "<f8", "I64": "<i8", "U64": "<u8", "F32": "<f4", "I32": "<i4", "U32": "<u4",
    "F16": "<f2", "I16": "<i2", "U16": "<u2", "I8": "|i1", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
_NAMES = {np.dtype(code): name for name, code in NUMPY.items()}
# The limits of the format's own library, and of numpy.
MAX_HEADER = 100_000_000
MAX_RANK = 32
# No file can hold more; numpy and torch refuse the empty tensors that claim it.
MAX_BYTES = 2**63 - 1


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
    size = ordinary_size(path)
    with naming(path, "read"), path.open("rb") as handle:
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
    odd = [text for text in (*document, *metadata, *metadata.values()) if not is_unicode(text)]
    if odd:
        raise _damaged(path, f"{odd[0][:60]!r} is no text")
    tensors = {name: _tensor(path, name, entry, length + 8) for name, entry in document.items()}
    tensors = dict(sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)))
    position = length + 8
    for name, info in tensors.items():
        if info.begin != position:
            raise _damaged(path, f"tensor {name!r} begins at byte {info.begin:,}, not {position:,}")
        position = info.end
    if position != size:
        lost = [name for name, info in tensors.items() if info.end > size]
        cut = f", tensors are cut off from {lost[0]!r} on ({len(lost)})" if lost else ""
        raise _damaged(path, f"it has {size:,} bytes, its header describes {position:,}{cut}")
    return metadata, tensors


class ArrayFile(Mapping[str, NDArray[Any]]):
    """The tensors of a safetensors file by name, each a read-only view of the mapped file.

    A tensor is mapped when it is asked for and let go with its array, so that memory holds what is
    in use, whatever the size of the file.

    Attributes
    ----------
    path, metadata : the file and its header's text
    infos : name -> dtype, shape and place, in the order of the data
    """

    def __init__(self, path: str | Path) -> None:
        """Raises `UserError` if the file is missing or damaged."""
        self.path = Path(path)
        self.metadata, self.infos = read_header(path)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Raises `UserError` for a dtype that numpy does not have (BF16)."""
        info = self.infos[name]
        if info.dtype not in NUMPY:
            raise UserError(
                f"tensor {name!r} has dtype {info.dtype}",
                where=self.path,
                expected=", ".join(NUMPY),
            )
        if not info.size:
            return np.empty(info.shape, NUMPY[info.dtype])
        with naming(self.path, "read"):
            mapped = np.memmap(self.path, NUMPY[info.dtype], "r", info.begin, info.shape)
        return mapped.view(np.ndarray)

    def __iter__(self) -> Iterator[str]:
        return iter(self.infos)

    def __len__(self) -> int:
        return len(self.infos)


def write_arrays(
    path: str | Path, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]
) -> None:
    """Write numpy `arrays` and `metadata` to `path` atomically, with reproducible bytes."""
    kinds = {name: (_NAMES[array.dtype], array.shape) for name, array in arrays.items()}
    write_file(path, kinds, metadata, lambda name: _raw(arrays[name]))


def write_file(
    path: str | Path,
    kinds: Mapping[str, tuple[str, Sequence[int]]],
    metadata: Mapping[str, str],
    raw: Callable[[str], bytes | memoryview],
) -> None:
    """Write a safetensors file atomically, its tensors sorted by name.

    Parameters
    ----------
    kinds : name -> (dtype as safetensors calls it, shape)
    raw : gives the bytes of a tensor, row by row; asked for one tensor after the other
    """
    write_stream(path, kinds, metadata, (raw(name) for name in sorted(kinds)))


def write_stream(
    path: str | Path,
    kinds: Mapping[str, tuple[str, Sequence[int]]],
    metadata: Mapping[str, str],
    pieces: Iterable[bytes | memoryview],
) -> None:
    """Write a safetensors file atomically, its tensors in pieces of any size.

    Parameters
    ----------
    kinds : name -> (dtype as safetensors calls it, shape)
    pieces : the bytes of all tensors in the order of their names, each row by row
    """
    entries: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))}
    end = 0
    for name, (dtype, shape) in sorted(kinds.items()):
        begin, end = end, end + prod(shape) * BYTES[dtype]
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    with atomic_path(path) as temporary, temporary.open("wb") as handle:
        handle.write(struct.pack("<Q", len(header)) + header)
        written = sum(handle.write(piece) for piece in pieces)
        if written != end:
            raise ValueError(f"{written:,} bytes of tensors were given, not {end:,}")


def _raw(array: NDArray[Any]) -> bytes | memoryview:
    flat = np.ascontiguousarray(array).reshape(-1)
    return flat.view(np.uint8).data if flat.size else b""


def _tensor(path: Path, name: str, entry: object, base: int) -> TensorInfo:
    match entry:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(begin), int(end)]}:
            shown = f"tensor {name[:200]!r} has dtype {dtype[:20]!r} and shape {str(shape)[:80]}"
            if len(shape) > MAX_RANK or not all(map(_is_size, (*shape, begin, end))):
                raise _damaged(path, shown)
            # Empty tensors too: what is beside the 0 must be a size.
            if dtype not in BYTES or prod(filter(None, shape)) * BYTES[dtype] > MAX_BYTES:
                raise _damaged(path, shown)
            if begin > end or end - begin != prod(shape) * BYTES[dtype]:
                raise _damaged(path, f"{shown}, but {end - begin:,} bytes")
            return TensorInfo(dtype, tuple(shape), base + begin, base + end)
    raise _damaged(path, f"the entry of tensor {name[:200]!r} is malformed")


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_BYTES


def _damaged(path: Path, reason: str) -> UserError:
    return UserError(
        f"damaged safetensors file: {reason}",
        where=path,
        do="delete it and run the workflow again: it will be made anew",
    )
