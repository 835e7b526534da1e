"""The table of model families; a family's module is imported when it is used."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Protocol, cast

from continual_vqa.backbones.base import Backbone
from continual_vqa.backbones.tokens import Words
from continual_vqa.config.backbone import BackboneConfig
from continual_vqa.errors import UserError

FAMILIES: dict[str, str] = {
    "t5_vision": "continual_vqa.backbones.t5_vision",
    "llava": "continual_vqa.backbones.llava",
    "paligemma": "continual_vqa.backbones.paligemma",
    "vilt": "continual_vqa.backbones.vilt",
}


class Family(Protocol):
    """What the module of a family offers.

    A family that chooses (`BackboneConfig.chooses`) is told how: `answers` to choose from, how many
    `choices` a question may have, and whether there are `pairs` of images. Others are not.
    """

    def build(self, config: BackboneConfig, words: Words, seed: int, **answering: Any) -> Backbone:
        """A freshly initialised model."""
        ...

    def from_folder(
        self,
        folder: Path,
        config: BackboneConfig,
        words: Words,
        seed: int,
        **answering: Any,
    ) -> Backbone:
        """A model with the weights of a local Hugging Face folder."""
        ...

    def rebuild(self, description: dict, words: Words) -> Backbone:
        """The untrained model of a description."""
        ...


def family(name: str, where: str | Path = "backbone.family") -> Family:
    """The module of family `name`."""
    if name not in FAMILIES:
        raise UserError(
            f"unknown model family {name!r}", where=where, expected=", ".join(sorted(FAMILIES))
        )
    return cast(Family, importlib.import_module(FAMILIES[name]))
