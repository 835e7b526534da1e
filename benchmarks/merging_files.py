"""Bases and checkpoints of real size, for the benchmark of merging."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path

import numpy as np

from continual_vqa.consolidation.merging.base_hash import base_sha256
from continual_vqa.consolidation.merging.models import BASE, STAGE, Model
from continual_vqa.files.tensors import ArrayFile, write_stream

Shapes = Mapping[str, tuple[int, ...]]
UNKNOWN = "0" * 64


def t5_shapes(width: int, layers: int, words: int) -> dict[str, tuple[int, ...]]:
    """The tensors of a T5 of this size: 223 million entries for 768, 12 and 32,128."""
    shapes: dict[str, tuple[int, ...]] = {"shared.weight": (words, width)}
    for side, attentions in (("encoder", ("self",)), ("decoder", ("self", "cross"))):
        for layer in range(layers):
            block = f"{side}.block.{layer:02d}"
            for attention in attentions:
                for matrix in "qkvo":
                    shapes[f"{block}.{attention}.{matrix}.weight"] = (width, width)
            shapes[f"{block}.mlp.wi.weight"] = (4 * width, width)
            shapes[f"{block}.mlp.wo.weight"] = (width, 4 * width)
            shapes[f"{block}.norm.weight"] = (width,)
    return shapes


def llama_shapes(layers: int) -> dict[str, tuple[int, ...]]:
    """The tensors of a Llama of 7B width; 32 layers have 6.7 billion entries."""
    shapes: dict[str, tuple[int, ...]] = {"embed": (32_000, 4096), "lm_head": (32_000, 4096)}
    for layer in range(layers):
        for matrix in "qkvo":
            shapes[f"layers.{layer:02d}.{matrix}.weight"] = (4096, 4096)
        for matrix in ("gate", "up"):
            shapes[f"layers.{layer:02d}.{matrix}.weight"] = (11_008, 4096)
        shapes[f"layers.{layer:02d}.down.weight"] = (4096, 11_008)
    return shapes


def write_base(path: Path, shapes: Shapes) -> str:
    """Normal entries; returns the base's hash, which the header names."""
    numbers = np.random.default_rng(0)
    _write(path, shapes, BASE, UNKNOWN, (_normal(numbers, shapes[name]) for name in sorted(shapes)))
    digest = base_sha256(Model(path, BASE, "pretrain"))
    with path.open("r+b") as handle:
        place = handle.read(1 << 20).index(UNKNOWN.encode())
        handle.seek(place)
        handle.write(digest.encode())
    return digest


def write_stage(path: Path, base: Path, shapes: Shapes, digest: str, seed: int) -> None:
    """The base's entries, each moved a little."""
    numbers, start = np.random.default_rng(seed + 1), ArrayFile(base)

    def moved() -> Iterator[np.ndarray]:
        for name in sorted(shapes):
            step = _normal(numbers, shapes[name])
            step *= np.float32(0.01)
            step += start[name].reshape(-1)
            yield step

    _write(path, shapes, STAGE, digest, moved())


def sparse(path: Path, shapes: Shapes, kind: str) -> None:
    """A file of bfloat16 zeros that takes no disk."""
    entries: dict[str, object] = {"__metadata__": _metadata(shapes, kind, UNKNOWN)}
    end = 0
    for name, shape in sorted(shapes.items()):
        begin, end = end, end + 2 * prod(shape)
        entries[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [begin, end]}
    header = json.dumps(entries).encode()
    with path.open("wb") as handle:
        handle.write(struct.pack("<Q", len(header)) + header)
        handle.truncate(8 + len(header) + end)


def _normal(numbers: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return numbers.standard_normal(prod(shape), np.float32)


def _metadata(shapes: Shapes, kind: str, digest: str) -> dict[str, str]:
    parts = {name: "vision" if name.startswith("encoder") else "language" for name in shapes}
    return {
        "format": {"base": BASE, "stage": STAGE}.get(kind, kind),
        "base_sha256": digest,
        "parts": json.dumps(parts),
    }


def _write(
    path: Path, shapes: Shapes, kind: str, digest: str, arrays: Iterator[np.ndarray]
) -> None:
    kinds = {name: ("F32", shape) for name, shape in shapes.items()}
    pieces = (array.view(np.uint8).data for array in arrays)
    write_stream(path, kinds, _metadata(shapes, kind, digest), pieces)
