"""Stacked factors: the low-rank updates of earlier stages become part of the frozen weights.

Each stage then trains factors of its own, and its model is the base with the updates of all stages
so far. Source: Wang et al., Findings of EMNLP 2023 (O-LoRA).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from continual_vqa.backbones import lora
from continual_vqa.backbones.base import Backbone
from continual_vqa.backbones.lora_layer import inert, is_factor
from continual_vqa.backbones.tensor_file import load_into
from continual_vqa.errors import UserError
from continual_vqa.files.jsons import parse_json
from continual_vqa.training.checkpoint import read_checkpoint


def check_stack(header: Mapping[str, str], stack: Sequence[Path], start: Path) -> None:
    """Refuse a checkpoint without the updates that its factors were trained on.

    Raises
    ------
    UserError : it was trained on the stacked updates of earlier stages, and others are given; or
        its header cannot be read
    """
    recipe = parse_json(header.get("recipe", "{}").encode(), start)
    stacked = isinstance(recipe, dict) and recipe.get("start") == "stacked"
    step = header.get("step", "")
    if stacked and not (step.isascii() and step.isdigit()):
        raise UserError(f"step is {step!r}", where=start, expected="a whole number")
    below = int(step) - 1 if stacked else 0
    if len(stack) != below:
        raise UserError(
            f"its low-rank factors lie on those of {below} earlier stages, {len(stack)} are given",
            where=start,
            expected=f"{below} checkpoints in --stack",
            do="give the checkpoints of all earlier stages of its run, in order",
        )


def load_stacked(
    model: Backbone, stack: Sequence[Path], start: Path | None, base: Path, base_sha256: str
) -> dict[str, str]:
    """Fold the factors of each checkpoint of `stack` into the frozen weights of `model`.

    What else they trained (visual embedding, projector) the model takes from the last of them.

    Parameters
    ----------
    model : holds its base, which lies in the folder `base`
    stack : checkpoints of stages trained with tune: lora, in order
    start : checkpoint that the factors and what is trained with them are then taken from, its
        header is returned; None: the factors stay those of the base

    Raises
    ------
    UserError : a base without factors, or whose own factors are trained already; a checkpoint of
        another base, or with other tensors than those that tune: lora trains
    """
    own = dict(model.named_parameters())
    names = model.low_rank()
    factors = [name for name in names if is_factor(name)]
    if not factors:
        raise UserError(
            f"the {model.family} model has no low-rank factors to stack",
            where=base,
            expected="a base with factors: backbone.lora.rank of 1 or more",
        )
    # Whether a checkpoint's factors hold the base's update too could not be told.
    if not inert(model):
        raise UserError(
            "the base's own low-rank factors are trained already",
            where=base,
            expected="fresh factors: stages are stacked on what the base's weights are",
            do="start from the base without backbone.adapter",
        )
    targets: dict[str, Tensor] = {name: own[name] for name in names}
    updates: list[dict[str, Tensor]] = []
    for path in stack:
        read: dict[str, Tensor] = {name: torch.empty_like(own[name]) for name in factors}
        load_into(targets | read, read_checkpoint(path, base_sha256)[1], path)
        updates.append(read)
    lora.fold(model, updates)
    if start is None:
        return {}
    header, tensors = read_checkpoint(start, base_sha256)
    load_into(targets, tensors, start)
    return header
