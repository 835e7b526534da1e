"""A ViLT of a few thousand weights, and the same one as transformers saves it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

import families
import tiny_model
from continual_vqa.backbones.vilt import Vilt, build
from continual_vqa.config.backbone import BackboneConfig

SIZES = {"hidden_size": 24, "layers": 2, "heads": 2, "intermediate_size": 40, "question_tokens": 12}
# More answers than tests ask for, and one of them is never right.
LIST = (*families.ANSWERS, "blue", "no answer")


def config(lora: dict[str, object] | None = None, **own: object) -> BackboneConfig:
    return BackboneConfig.model_validate(
        {
            "family": "vilt",
            "folder": "",
            "vision": tiny_model.PATCHES,
            "vilt": {**SIZES, **own},
            "lora": lora or {},
        }
    )


def tiny(seed: int = 0, **own: Any) -> Vilt:
    return build(config(**own), tiny_model.words(), seed, LIST).eval()


def of_all_kinds(seed: int = 0, *, places: int = 3, **own: Any) -> Vilt:
    """With a head for choices and one for pairs of images."""
    return build(config(**own), tiny_model.words(), seed, LIST, places, True).eval()


def low_rank(seed: int = 0, *, fresh: bool = False, **lora: object) -> Vilt:
    """With factors that are trained by default, drawn so that they matter, unless `fresh`."""
    model = tiny(seed)
    model.adapt(config({"rank": 3, "alpha": 4, **lora}), seed)
    model.default_tune = "lora"
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if "lora_B" in name and not fresh:
            parameter.data.normal_(0.0, 0.1, generator=generator)
    return model


def stock(kind: str = "ViltForQuestionAnswering", **changes: Any) -> Any:
    """transformers' own model of the tiny sizes with random weights."""
    import transformers.models.vilt.modeling_vilt as modeling

    own = tiny().describe_net()
    net = getattr(modeling, kind)(modeling.ViltConfig.from_dict({**own, **changes})).eval()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.normal_(0.0, 0.3, generator=generator)
    return net


def saved(folder: Path, kind: str = "ViltForQuestionAnswering", **changes: Any) -> Any:
    """The same, saved with a tokenizer."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    net = stock(kind)
    net.save_pretrained(folder, **changes)
    (folder / "tokenizer.json").write_text(tiny().words.content)
    return net
