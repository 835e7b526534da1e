"""What is inside a safetensors file (checkpoint, base model, importance, mask); part of `show`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from continual_vqa.errors import UserError, naming
from continual_vqa.files.jsons import parse_text
from continual_vqa.files.tensors import TensorInfo, check, read_header

_FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}
_BITS = ("U8", "BOOL")
# Entries taken at once, so that memory does not grow with the tensor.
_PIECE = 1 << 20


def tensor_contents(path: Path) -> dict[str, Any]:
    """Metadata, sums per part, and every tensor: dtype, shape, entries, L2 norm or set bits.

    The tensors of a mask are given by the shapes of what they protect, with the summary of its
    parts; those of an importance file apart from the directions that it may hold.

    Raises
    ------
    UserError : damaged file
    """
    metadata, tensors = read_header(path)
    notes = {name: _parsed(value) for name, value in metadata.items()}
    parts, shapes, summary = (_taken(notes, key) for key in ("parts", "shapes", "summary"))
    parts |= {f"direction:{name}": f"{part} (direction)" for name, part in parts.items()}
    with naming(path, "read"):
        data = np.memmap(path, np.uint8, "r")
    for name, info in tensors.items():
        check(path, name, info, data[info.begin : info.end].data)
    rows = [_tensor(name, info, data, parts.get(name, "")) for name, info in tensors.items()]
    for row in rows:
        _as_mask(row, shapes.get(row["name"]))
    return {
        "kind": "tensors",
        "file": str(path),
        "bytes": path.stat().st_size,
        "tensors_total": len(rows),
        "entries": sum(row["entries"] for row in rows),
        "norm": _together(rows),
        "not_finite": sum(row["not_finite"] for row in rows),
        "header": notes,
        "summary": [{"part": part, **row} for part, row in summary.items() if type(row) is dict],
        "parts": _parts(rows) if parts else [],
        "tensors": rows,
    }


def _tensor(name: str, info: TensorInfo, data: np.ndarray, part: object) -> dict[str, Any]:
    content = data[info.begin : info.end]
    row: dict[str, Any] = {"name": name, "part": str(part), "dtype": info.dtype}
    row |= {"shape": list(info.shape), "entries": info.size, "norm": None, "not_finite": 0}
    if info.dtype in _FLOATS or info.dtype == "BF16":
        width = 2 if info.dtype == "BF16" else np.dtype(_FLOATS[info.dtype]).itemsize
        squares = 0.0
        for start in range(0, len(content), width * _PIECE):
            values = _floats(info.dtype, content[start : start + width * _PIECE])
            finite = np.isfinite(values)
            row["not_finite"] += int(values.size - np.count_nonzero(finite))
            squares += float(np.square(values, where=finite, out=np.zeros_like(values)).sum())
        row["norm"] = math.sqrt(squares)
    elif info.dtype in _BITS:
        row["set_bits"] = sum(
            int(np.bitwise_count(content[start : start + _PIECE]).sum())
            for start in range(0, len(content), _PIECE)
        )
    return row


def _as_mask(row: dict[str, Any], shape: object) -> None:
    """Describe packed bits by the tensor that they protect."""
    match shape:
        case [*sides] if all(type(side) is int for side in sides) and "set_bits" in row:
            row |= {"dtype": "bits", "shape": sides, "entries": math.prod(sides)}


def _floats(dtype: str, content: np.ndarray) -> np.ndarray:
    raw = np.ascontiguousarray(content)
    if dtype == "BF16":
        # bfloat16 is the upper half of a float32.
        return (raw.view("<u2").astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    return raw.view(_FLOATS[dtype]).astype(np.float64)


def _parts(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = sorted({row["part"] for row in rows})
    result = []
    for name in names:
        inside = [row for row in rows if row["part"] == name]
        result.append(
            {
                "part": name or "(none)",
                "tensors": len(inside),
                "entries": sum(row["entries"] for row in inside),
                "norm": _together(inside),
            }
        )
    return result


def _together(rows: list[dict[str, Any]]) -> float | None:
    norms = [row["norm"] for row in rows if row["norm"] is not None]
    return math.hypot(*norms) if norms else None


def _taken(notes: dict[str, object], key: str) -> dict[str, Any]:
    """The object under `key`, which is not repeated in the header."""
    value = notes.get(key)
    if not isinstance(value, dict):
        return {}
    del notes[key]
    return value


def _parsed(value: str) -> object:
    """A header's value: JSON objects and lists as such, everything else as the text it is."""
    if not value.startswith(("{", "[")):
        return value
    try:
        return parse_text(value, "")
    except UserError:
        return value
