"""A LLaVA of a few thousand weights, and the same one as transformers saves it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tiny_decoder
import tiny_model
from continual_vqa.backbones.llava import Llava, build
from continual_vqa.config.backbone import BackboneConfig

SIZES = {
    "hidden_size": 24,
    "layers": 2,
    "heads": 2,
    "kv_heads": 1,
    "intermediate_size": 40,
    "vision_hidden_size": 16,
    "vision_layers": 2,
    "vision_heads": 2,
    "vision_intermediate_size": 24,
    "feature_layer": -2,
    "template": "what <image> {question} is",
}


def config(*, rank: int = 4, lora: dict[str, object] | None = None, **llava: object):
    return BackboneConfig.model_validate(
        {
            "family": "llava",
            "vision": tiny_model.PATCHES,
            "llava": {**SIZES, **llava},
            "lora": {"rank": rank, "alpha": 8, **(lora or {})},
        }
    )


def tiny(seed: int = 0, *, fresh: bool = False, **changes: Any) -> Llava:
    """See `tiny_decoder.adapted`."""
    chosen = config(**changes)
    model = build(chosen, tiny_model.words(), seed)
    return tiny_decoder.adapted(model, chosen, seed, fresh=fresh)


def saved(folder: Path, **changes: Any) -> Any:
    """See `tiny_decoder.saved`."""
    from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

    return tiny_decoder.saved(folder, tiny(3, rank=0), LlavaForConditionalGeneration, **changes)
