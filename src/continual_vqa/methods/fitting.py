"""Whether a file of earlier stages fits the model that is trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from continual_vqa.errors import UserError
from continual_vqa.methods.parameters import FlatParameters

_SHOWN = 4


def check_base(path: Path, header: Mapping[str, str], base_sha256: str) -> None:
    """Refuse a file of another base.

    Raises
    ------
    UserError : naming both bases
    """
    if header.get("base_sha256") != base_sha256:
        raise UserError(
            f"was made with base {header.get('base_sha256', '')[:12] or 'unknown'}",
            where=path,
            expected=f"base {base_sha256[:12]}, the one given",
            do="give the base folder it was made with, or make it again",
        )


def check_tensors(
    path: Path, shapes: Mapping[str, tuple[int, ...]], parameters: FlatParameters, prefix: str = ""
) -> None:
    """Refuse a file whose tensors, named `prefix` + name, are not exactly the trained ones.

    Raises
    ------
    UserError : naming the first tensors that differ
    """
    own = {prefix + name: tuple(tensor.shape) for name, tensor in parameters.tensors().items()}
    differing = [
        f"{name} {shapes.get(name, 'missing')} for {own.get(name, 'untrained')}"
        for name in sorted(own.keys() | shapes.keys())
        if own.get(name) != shapes.get(name)
    ]
    if differing:
        raise UserError(
            f"{len(differing)} tensors do not fit: {'; '.join(differing[:_SHOWN])}",
            where=path,
            expected=f"exactly the {len(own)} trained tensors",
            do="make it again with the recipe's own `tune`",
        )
