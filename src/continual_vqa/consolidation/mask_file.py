"""Mask files: one bit per trained entry, with what each part protects in the header.

Each tensor is U8: the bits of the flattened mask (C order), eight to a byte from the lowest on,
1 = protected; the last byte is filled up with zeros.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from continual_vqa.errors import UserError
from continual_vqa.files.jsons import parse_json
from continual_vqa.files.tensors import ArrayFile, write_arrays

FORMAT = "continual-vqa mask 1"


def pack(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The bits of a mask: (ceil(n / 8),) bytes."""
    return np.packbits(mask.reshape(-1), bitorder="little")


def unpack(bits: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The mask of `shape` whose bits these are."""
    flat = np.unpackbits(bits, count=prod(shape), bitorder="little")
    return flat.view(np.bool_).reshape(shape)


def write_mask(
    path: str | Path, bits: Mapping[str, NDArray[np.uint8]], metadata: Mapping[str, str]
) -> None:
    """Write a mask file atomically, with reproducible bytes.

    Parameters
    ----------
    bits : name -> packed bits (see `pack`)
    metadata : base_sha256, stage and step; shapes, parts, settings and summary as JSON
    """
    write_arrays(path, bits, {"format": FORMAT, **metadata})


def read_mask(path: str | Path) -> tuple[dict[str, str], dict[str, NDArray[np.bool_]]]:
    """Header and masks of a mask file: name -> bool array of the shape, True = protected.

    Raises
    ------
    UserError : no mask file, or one whose sizes or counts do not agree with its header
    """
    file = ArrayFile(path)
    if file.metadata.get("format") != FORMAT:
        raise UserError(
            f"has format {file.metadata.get('format')!r}",
            where=path,
            expected=f"{FORMAT!r}, as `continual-vqa mask` writes it",
        )
    shapes, parts, summary = (_json(file, key) for key in ("shapes", "parts", "summary"))
    if not file.keys() == shapes.keys() == parts.keys():
        raise _damaged(path, "tensors, shapes and parts have different names")
    if not all(isinstance(part, str) for part in parts.values()):
        raise _damaged(path, "the header's parts are not names")
    masks: dict[str, NDArray[np.bool_]] = {}
    found = dict.fromkeys(parts.values(), 0)
    for name, info in file.infos.items():
        shape = _shape(shapes[name])
        if shape is None or (info.dtype, info.shape) != ("U8", (-(-prod(shape) // 8),)):
            raise _damaged(path, f"tensor {name!r} does not hold the bits of {shapes[name]}")
        bits = file[name]
        masks[name] = unpack(bits, shape)
        found[parts[name]] += int(np.bitwise_count(bits).sum(dtype=np.int64))
    for part, count in found.items():
        row = summary.get(part)
        if not isinstance(row, dict) or row.get("protected") != count:
            raise _damaged(path, f"part {part!r} has {count:,} bits set, its header says {row}")
    return file.metadata, masks


def _shape(value: object) -> tuple[int, ...] | None:
    whole = isinstance(value, list) and all(type(n) is int and n >= 0 for n in value)
    return tuple(value) if whole else None  # pyright: ignore[reportArgumentType]


def _json(file: ArrayFile, key: str) -> dict[str, Any]:
    value = parse_json(file.metadata.get(key, "").encode() or b"null", file.path)
    if not isinstance(value, dict):
        raise _damaged(file.path, f"the header's {key} are {json.dumps(value)[:40]}")
    return value


def _damaged(path: str | Path, reason: str) -> UserError:
    return UserError(
        f"damaged mask: {reason}",
        where=path,
        do="delete it and run the workflow again: it will be made anew",
    )
