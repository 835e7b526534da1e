"""A LLaVA of a few thousand weights, and the same one as transformers saves it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

import families
import tiny_model
from continual_vqa.backbones.llava import Llava, build
from continual_vqa.backbones.tokens import Words
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
    """The model; its factors are drawn at random, so that they matter, unless `fresh`."""
    chosen = config(**changes)
    model = build(chosen, tiny_model.words(), seed)
    model.adapt(chosen, seed)
    if not fresh:
        generator = torch.Generator().manual_seed(seed)
        for name, parameter in sorted(model.named_parameters()):
            if "lora_B" in name:
                drawn = torch.empty(parameter.shape).normal_(0.0, 0.1, generator=generator)
                parameter.data.copy_(drawn)
    return model.eval()


def words() -> Words:
    return tiny_model.words().with_special("<image>")


def saved(folder: Path, **changes: Any) -> Any:
    """transformers' own model with random weights, saved with a tokenizer; returned too."""
    from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration
    from transformers.utils import logging

    logging.disable_progress_bar()
    model = tiny(3, rank=0)
    net: Any = LlavaForConditionalGeneration(model.net.config).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.normal_(0.0, 0.3)
    net.save_pretrained(folder, **changes)
    (folder / "tokenizer.json").write_text(model.words.content)
    return net


def stock_logits(net: Any, model: Llava, number: int) -> torch.Tensor:
    """transformers' logits of the answer to question `number`."""
    batch = families.batch(model, np.array([number]))
    assert batch.answers is not None
    tokens = torch.cat([batch.questions, batch.answers[:, :-1]], 1)
    pixels = (batch.visual.permute(0, 3, 1, 2) / 255.0 - model.mean) / model.std
    with torch.no_grad():
        out = net(input_ids=tokens, pixel_values=pixels, attention_mask=torch.ones_like(tokens))
    return out.logits[:, batch.questions.shape[1] - 1 :]


def assert_same_logits(net: Any, model: Llava) -> None:
    """transformers' model and ours give the same logits, in ours in a batch of several."""
    model.eval()
    logits = model.logits(families.batch(model, np.arange(3)))
    for number in range(3):
        expected = stock_logits(net, model, number)[0]
        found = logits[number, : len(expected)]
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
