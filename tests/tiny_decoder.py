"""What tests of LLaVA and PaliGemma share: random factors, and transformers' own models."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

import families
from continual_vqa.backbones.decoder import Decoder
from continual_vqa.config.backbone import BackboneConfig

D = TypeVar("D", bound=Decoder)


def adapted(model: D, config: BackboneConfig, seed: int, *, fresh: bool) -> D:
    """The model with factors; these are drawn at random, so that they matter, unless `fresh`."""
    model.adapt(config, seed)
    if not fresh:
        generator = torch.Generator().manual_seed(seed)
        for name, parameter in sorted(model.named_parameters()):
            if "lora_B" in name:
                drawn = torch.empty(parameter.shape).normal_(0.0, 0.1, generator=generator)
                parameter.data.copy_(drawn)
    return model.eval()


def saved(folder: Path, model: Decoder, kind: Any, **changes: Any) -> Any:
    """transformers' model of class `kind` with random weights, saved with a tokenizer."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    net = kind(model.net.config).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.normal_(0.0, 0.3)
    net.save_pretrained(folder, **changes)
    (folder / "tokenizer.json").write_text(model.words.content)
    return net


def stock_inputs(model: Decoder, number: int) -> dict[str, torch.Tensor]:
    """What transformers' model is given for question `number` and its answer."""
    batch = families.batch(model, np.array([number]))
    assert batch.answers is not None
    given = batch.answers[:, :-1]
    tokens = torch.cat([batch.questions, given], 1)
    types = torch.cat([torch.zeros_like(batch.questions), torch.ones_like(given)], 1)
    return {
        "input_ids": tokens,
        "pixel_values": (batch.visual.permute(0, 3, 1, 2) / 255.0 - model.mean) / model.std,
        "attention_mask": torch.ones_like(tokens),
        **({"token_type_ids": types} if model.mutual else {}),
    }


def stock_logits(net: Any, model: Decoder, number: int) -> torch.Tensor:
    """transformers' logits of the answer to question `number`."""
    prompt = families.batch(model, np.array([number])).questions.shape[1]
    with torch.no_grad():
        return net(**stock_inputs(model, number)).logits[:, prompt - 1 :]


def assert_same_logits(net: Any, model: Decoder) -> None:
    """transformers' model and ours give the same logits, in ours in a batch of several."""
    model.eval()
    logits = model.logits(families.batch(model, np.arange(3)))
    for number in range(3):
        expected = stock_logits(net, model, number)[0]
        found = logits[number, : len(expected)]
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
