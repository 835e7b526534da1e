"""Bases and stage checkpoints of an invented model, as files, written without torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from continual_vqa.config.merge import MergeConfig
from continual_vqa.consolidation.merging import MergeJob, merge_files
from continual_vqa.consolidation.merging.dtypes import STORED, narrow, widen
from continual_vqa.consolidation.merging.stack import Stack
from continual_vqa.files.tensors import read_header, write_file

Arrays = Mapping[str, np.ndarray]

PARTS = {
    "a.weight": "vision",
    "b.bias": "language",
    "m.lora_A.default.weight": "language",
    "m.lora_B.default.weight": "language",
    "n.lora_A.default.weight": "vision",
    "n.lora_B.default.weight": "vision",
    "z.frozen": "language",
}
SHAPES = {
    "a.weight": (6, 5),
    "b.bias": (7,),
    "m.lora_A.default.weight": (3, 12),
    "m.lora_B.default.weight": (10, 3),
    "n.lora_A.default.weight": (3, 8),
    "n.lora_B.default.weight": (11, 3),
    "z.frozen": (4,),
}
TRAINED = tuple(name for name in SHAPES if name != "z.frozen")


def config(**fields: Any) -> MergeConfig:
    """A merge block of the configuration."""
    return TypeAdapter(MergeConfig).validate_python(fields)


def drawn(seed: int, names: Sequence[str] = TRAINED) -> dict[str, np.ndarray]:
    """Normal entries for these tensors."""
    numbers = np.random.default_rng(seed)
    return {name: numbers.standard_normal(SHAPES[name], np.float32) for name in names}


def moved(base: Arrays, seed: int, names: Sequence[str] = TRAINED) -> dict[str, np.ndarray]:
    """The trained tensors of the base, each moved a little."""
    step = drawn(seed, names)
    return {name: base[name] + np.float32(0.1) * step[name] for name in names}


def write(
    path: Path, arrays: Arrays, metadata: Mapping[str, str], dtypes: Mapping[str, str] | str
) -> Path:
    """Arrays as they are rounded to `dtypes` (one for all, or by name)."""
    chosen = {name: dtypes if isinstance(dtypes, str) else dtypes[name] for name in arrays}
    kinds = {name: (chosen[name], array.shape) for name, array in arrays.items()}

    def raw(name: str) -> bytes:
        if chosen[name] in STORED:
            return narrow(arrays[name].reshape(-1).astype(np.float32), chosen[name]).tobytes()
        return arrays[name].tobytes()

    write_file(path, kinds, metadata, raw)
    return path


def parts_of(arrays: Arrays) -> str:
    return json.dumps({name: PARTS.get(name, "language") for name in sorted(arrays)})


def write_base(path: Path, arrays: Arrays, dtypes: Mapping[str, str] | str = "F32") -> str:
    """A base's weights file with a true `base_sha256`; returns it."""
    metadata = {"format": "continual-vqa base 1", "parts": parts_of(arrays)}
    metadata |= {"config_sha256": "c", "tokenizer_sha256": "t"}
    write(path, arrays, metadata, dtypes)
    digest = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    names = {"F32": "torch.float32", "BF16": "torch.bfloat16", "F16": "torch.float16"}
    content = path.read_bytes()
    for name, info in sorted(read_header(path)[1].items()):
        digest.update(f"{name} {names.get(info.dtype, 'torch.int64')} {info.shape}".encode())
        digest.update(content[info.begin : info.end])
    write(path, arrays, {**metadata, "base_sha256": digest.hexdigest()}, dtypes)
    return digest.hexdigest()


def write_stage(
    path: Path,
    arrays: Arrays,
    base_sha256: str,
    *,
    step: int = 1,
    dtypes: Mapping[str, str] | str = "F32",
    **header: str,
) -> Path:
    """A stage checkpoint."""
    metadata = {
        "format": "continual-vqa stage 1",
        "base_sha256": base_sha256,
        "recipe": "{}",
        "stage": f"stage-{step}",
        "task": "count",
        "step": str(step),
        "parts": parts_of(arrays),
    }
    return write(path, arrays, metadata | header, dtypes)


def read(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a file, widened to float32 (others as they are)."""
    content, found = path.read_bytes(), {}
    for name, info in read_header(path)[1].items():
        raw = np.frombuffer(content[info.begin : info.end], STORED.get(info.dtype, "<i8"))
        found[name] = (widen(raw, info.dtype) if info.dtype in STORED else raw).reshape(info.shape)
    return found


class World:
    """A base and some stages in a folder, and merges of them."""

    def __init__(
        self,
        folder: Path,
        count: int = 3,
        dtypes: Mapping[str, str] | str = "F32",
        base_dtypes: Mapping[str, str] | str = "F32",
    ) -> None:
        self.folder, self.base = folder, folder / "base.safetensors"
        arrays = drawn(0, tuple(SHAPES))
        self.sha256 = write_base(self.base, arrays, base_dtypes)
        self.base_arrays = read(self.base)
        self.stages = [
            write_stage(
                folder / f"{step}.safetensors",
                moved(self.base_arrays, step),
                self.sha256,
                step=step,
                dtypes=dtypes,
            )
            for step in range(1, count + 1)
        ]
        self.arrays = [read(path) for path in self.stages]

    def merge(
        self, *, tasks: int = 0, models: Sequence[Path] | None = None, **fields: Any
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """(merged tensors, report); `fields` are those of the merge block."""
        models = self.stages if models is None else models
        job = {key: fields.pop(key) for key in ("full", "checksums", "labels") if key in fields}
        if len(models) > 2:
            fields = {"of": "all", **fields}
        out = self.folder / "merged.safetensors"
        report = merge_files(
            MergeJob(self.base, models, config(**fields), tasks or len(models), **job), out
        )
        return read(out), report


def stack(base: np.ndarray, inputs: Sequence[np.ndarray], name: str = "x") -> Stack:
    """Flat float32 arrays as the stack of one tensor."""
    readers = [lambda start, stop, array=a: array[start:stop] for a in (*inputs, base)]
    sources = [*(f"input {i}" for i in range(len(inputs))), "base"]
    return Stack(name, len(base), readers[:-1], readers[-1], sources)
