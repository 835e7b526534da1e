"""Safetensors files of torch tensors: written with reproducible bytes, checked name by name."""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from continual_vqa.errors import UserError, naming
from continual_vqa.files.tensors import TensorInfo, check, read_header, write_file

DTYPES: dict[str, torch.dtype] = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_SHOWN = 6


def write_tensors(
    path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]
) -> None:
    """Write `tensors`, sorted by name, and `metadata` to `path` atomically."""
    kinds = {name: (_NAMES[t.dtype], tuple(t.shape)) for name, t in tensors.items()}
    write_file(path, kinds, metadata, lambda name: raw_bytes(tensors[name]))


def raw_bytes(tensor: Tensor) -> memoryview:
    """The bytes of a tensor, row by row."""
    flat = tensor.detach().cpu().contiguous().flatten()
    return flat.view(torch.uint8).numpy().data if flat.numel() else memoryview(b"")


def read_tensors(path: str | Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and tensors of a safetensors file (private copies, on the CPU).

    Raises
    ------
    UserError : missing or damaged file, a dtype that is not read here, or a pickle
    """
    path = Path(path)
    if path.suffix in (".bin", ".pt", ".pth", ".ckpt", ".pkl"):
        raise UserError(
            "pickled weights are not read: they can run any code",
            where=path,
            expected="a .safetensors file",
            do="convert it with safetensors' own tools",
        )
    metadata, infos = read_header(path)
    with naming(path, "read"), path.open("rb") as handle:
        if not infos:
            return metadata, {}
        with mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_COPY) as mapped:
            return metadata, {name: _tensor(path, name, i, mapped) for name, i in infos.items()}


def _tensor(path: Path, name: str, info: TensorInfo, mapped: mmap.mmap) -> Tensor:
    dtype = DTYPES.get(info.dtype)
    if dtype is None:
        raise UserError(
            f"tensor {name!r} has dtype {info.dtype}", where=path, expected=", ".join(DTYPES)
        )
    if not info.size:
        return torch.empty(info.shape, dtype=dtype)
    content = bytearray(mapped[info.begin : info.end])
    check(path, name, info, content)
    flat = torch.frombuffer(content, dtype=dtype)
    return flat.reshape(info.shape)


def load_into(targets: Mapping[str, Tensor], tensors: Mapping[str, Tensor], where: Path) -> None:
    """Copy `tensors` into `targets`; both must have the same names and shapes.

    Raises
    ------
    UserError : names or shapes differ; the first few of each kind are listed
    """
    missing = sorted(targets.keys() - tensors.keys())
    unknown = sorted(tensors.keys() - targets.keys())
    misshapen = [
        f"{name} {tuple(tensors[name].shape)} for {tuple(targets[name].shape)}"
        for name in sorted(targets.keys() & tensors.keys())
        if targets[name].shape != tensors[name].shape
    ]
    problems = [
        f"{what}: {_few(names)}"
        for what, names in (
            ("missing tensors", missing),
            ("unknown tensors", unknown),
            ("other shapes", misshapen),
        )
        if names
    ]
    if problems:
        raise UserError(
            "; ".join(problems), where=where, expected=f"exactly the model's {len(targets)} tensors"
        )
    with torch.no_grad():
        for name, target in targets.items():
            target.copy_(tensors[name])


def _few(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
