"""Stage checkpoints: the trained tensors of one stage, tied to the base they belong to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from continual_vqa.backbones.base import Backbone
from continual_vqa.backbones.tensor_file import load_into, read_tensors, write_tensors
from continual_vqa.errors import UserError
from continual_vqa.files.jsons import parse_text

FORMAT = "continual-vqa stage 1"
BASE = "base"


def write_checkpoint(
    path: str | Path,
    tensors: Mapping[str, Tensor],
    model: Backbone,
    *,
    base_sha256: str,
    recipe: Mapping[str, object],
    stage: str,
    task: str,
    step: int,
) -> None:
    """Write the trained `tensors` of `model`; the header says what they are and of which base."""
    write_tensors(
        path,
        tensors,
        {
            "format": FORMAT,
            "base_sha256": base_sha256,
            "recipe": json.dumps(recipe, sort_keys=True),
            "stage": stage,
            "task": task,
            "step": str(step),
            "parts": json.dumps({name: model.part_of(name) for name in sorted(tensors)}),
        },
    )


def read_checkpoint(path: str | Path, base_sha256: str) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Header and tensors of a stage checkpoint that belongs to the given base.

    Raises
    ------
    UserError : damaged, no stage checkpoint, trained from another base, or tensors without a part
    """
    header, tensors = read_tensors(path)
    if header.get("format") != FORMAT:
        raise UserError(
            f"has format {header.get('format')!r}",
            where=path,
            expected=f"{FORMAT!r}, as `continual-vqa train` writes it",
        )
    if header.get("base_sha256") != base_sha256:
        raise UserError(
            f"was trained from base {header.get('base_sha256', '')[:12]}",
            where=path,
            expected=f"base {base_sha256[:12]}, the one given",
            do="give the base folder it was trained from, or train the stage again",
        )
    try:
        parts = parse_text(header.get("parts", "null"), path)
    except UserError as error:
        raise UserError(f"the header's parts are unreadable: {error.what}", where=path) from error
    if not isinstance(parts, dict) or not all(isinstance(part, str) for part in parts.values()):
        raise UserError("the header's parts are unreadable", where=path)
    if parts.keys() != tensors.keys():
        odd = ", ".join(sorted(parts.keys() ^ tensors.keys())[:6])
        raise UserError(
            f"header and tensors differ: {odd}", where=path, expected="a part for every tensor"
        )
    return header, tensors


def load_checkpoint(path: str | Path, model: Backbone, base_sha256: str) -> dict[str, str]:
    """Put the tensors of a checkpoint into `model` (which holds its base); returns the header.

    Tensors that the stage did not train keep the base's values; a tensor that the model does not
    know, or of another shape, is refused.

    Raises
    ------
    UserError : see `read_checkpoint`; or names or shapes that are not the model's
    """
    header, tensors = read_checkpoint(path, base_sha256)
    own = dict(model.named_parameters())
    targets = {name: own[name] for name in tensors if name in own}
    load_into(targets, tensors, Path(path))
    return header
