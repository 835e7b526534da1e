"""The merged models and their base, opened and checked to belong together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from continual_vqa.consolidation.merging.dtypes import STORED
from continual_vqa.errors import UserError
from continual_vqa.files.jsons import parse_json
from continual_vqa.files.tensors import TensorInfo, read_header

STAGE, BASE = "continual-vqa stage 1", "continual-vqa base 1"
_SHOWN = 6


class Model:
    """A safetensors file of weights: its header, not yet its data.

    Attributes
    ----------
    path, metadata : the file and its header's text
    infos : name -> dtype, shape and place, in the order of the data
    parts : name -> part, sorted by name
    """

    def __init__(self, path: str | Path, kind: str, written_by: str) -> None:
        """Raises `UserError` for a damaged file, another format or tensors without a part."""
        self.path = Path(path)
        self.metadata, self.infos = read_header(path)
        if self.metadata.get("format") != kind:
            raise UserError(
                f"has format {self.metadata.get('format')!r}",
                where=path,
                expected=f"{kind!r}, as `continual-vqa {written_by}` writes it",
            )
        parts = parse_json(self.metadata.get("parts", "").encode() or b"null", path)
        if not isinstance(parts, dict) or parts.keys() != self.infos.keys():
            odd = few(self.infos.keys() ^ (parts.keys() if isinstance(parts, dict) else set()))
            raise UserError(
                f"header and tensors differ: {odd}", where=path, expected="a part for every tensor"
            )
        self.parts: dict[str, str] = dict(sorted(parts.items()))


def open_models(
    base: str | Path, models: Sequence[str | Path], where: str = "--models"
) -> tuple[Model, list[Model]]:
    """The base's weights file and the stage checkpoints, checked by their headers.

    Raises
    ------
    UserError : no models; a damaged file or another format; a checkpoint of another base; names,
        shapes, dtypes or parts that are not those of the first checkpoint; a tensor that the base
        does not have, or in another shape; a float dtype that is not merged
    """
    if not models:
        raise UserError("no models", where=where, expected="at least one stage checkpoint")
    ground = Model(base, BASE, "pretrain")
    stages = [Model(path, STAGE, "train") for path in models]
    for model in stages:
        _check_base(model, ground)
        if model is not stages[0]:
            _check_alike(model, stages[0])
    return ground, stages


def few(names: Any) -> str:
    """The first few names, sorted, and how many more there are."""
    listed = sorted(names)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more


def is_float(info: TensorInfo) -> bool:
    """Whether entries of this dtype are merged (others are copied)."""
    return info.dtype in STORED


def _check_base(model: Model, base: Model) -> None:
    known = base.metadata.get("base_sha256", "")
    trained_from = model.metadata.get("base_sha256", "")
    if not known or known != trained_from:
        raise UserError(
            f"was trained from base {trained_from[:12] or '(none)'}",
            where=model.path,
            expected=f"base {known[:12]}, the one given ({base.path})",
            do="give the base it was trained from, or train the stage again",
        )
    problems = _differences(
        {name: (info.shape,) for name, info in model.infos.items()},
        {name: (info.shape,) for name, info in base.infos.items() if name in model.infos},
    )
    odd = [
        f"{name} {info.dtype} on {base.infos[name].dtype}"
        for name, info in model.infos.items()
        if name in base.infos
        and (info.dtype == "F64" or (is_float(info) and not is_float(base.infos[name])))
    ]
    problems += [f"dtypes that are not merged: {few(odd)}"] if odd else []
    if problems:
        raise UserError(
            "; ".join(problems), where=model.path, expected=f"tensors of the base {base.path}"
        )


def _check_alike(model: Model, first: Model) -> None:
    problems = _differences(
        *(
            {name: (info.shape, info.dtype, each.parts[name]) for name, info in each.infos.items()}
            for each in (model, first)
        )
    )
    if problems:
        raise UserError(
            "; ".join(problems),
            where=model.path,
            expected=f"exactly the {len(first.infos)} tensors of {first.path}",
            do="merge checkpoints of one way of tuning",
        )


def _differences(found: Mapping[str, tuple], expected: Mapping[str, tuple]) -> list[str]:
    """What is missing, unknown, or not the same; empty if nothing."""
    changed = [
        f"{name} ({_words(found[name])} for {_words(expected[name])})"
        for name in found.keys() & expected.keys()
        if found[name] != expected[name]
    ]
    return [
        f"{what}: {few(names)}"
        for what, names in (
            ("missing tensors", expected.keys() - found.keys()),
            ("unknown tensors", found.keys() - expected.keys()),
            ("other tensors by the same name", changed),
        )
        if names
    ]


def _words(values: tuple) -> str:
    return " ".join(v if isinstance(v, str) else json.dumps(v) for v in values)
