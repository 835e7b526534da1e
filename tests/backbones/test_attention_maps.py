"""Attention is seen in every family, and is what the layers really compute with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import families
from continual_vqa.backbones.attention_maps import recording, weights_of

MODELS = families.tiny_models()


@pytest.mark.parametrize("name", MODELS)
def test_every_attention_layer_of_every_family_is_seen(name: str) -> None:
    model = MODELS[name](0).eval()
    batch = families.batch(model, np.arange(4))
    plain = model.logits(batch)
    with recording() as maps:
        seen = model.logits(batch)
    assert torch.equal(plain, seen)
    assert maps
    for weights in maps:
        assert weights.ndim == 4 and bool((weights >= 0).all())
        total = weights.sum(-1)
        # Rows of padding may look nowhere.
        torch.testing.assert_close(total[total > 0], torch.ones_like(total[total > 0]))
    with recording() as again:
        pass
    assert again == []


def test_the_weights_have_gradients() -> None:
    model = MODELS["llava"](0)
    batch = families.batch(model, np.arange(2))
    with recording() as maps:
        model.logits(batch)
    sum((weights[..., 0].sum() for weights in maps), torch.zeros(())).backward()
    moved = [p for p in model.parameters() if p.grad is not None and bool(p.grad.abs().sum() > 0)]
    assert moved


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"is_causal": True},
        {"scale": 0.3},
        {"attn_mask": torch.tensor([[True, False, True, True, True]] * 5)},
        {"attn_mask": torch.linspace(-2, 2, 25).reshape(5, 5)},
        {"enable_gqa": True},
    ],
)
def test_fused_attention_computes_with_these_weights(options: dict[str, object]) -> None:
    draw = torch.Generator().manual_seed(0)
    heads = 2 if "enable_gqa" in options else 4
    query = torch.randn(2, 4, 5, 3, generator=draw)
    key, value = (torch.randn(2, heads, 5, 3, generator=draw) for _ in range(2))
    wanted = F.scaled_dot_product_attention(query, key, value, **options)  # type: ignore[arg-type]
    weights = weights_of(query, key, value, **options)  # type: ignore[arg-type]
    value = value.repeat_interleave(4 // heads, dim=1)
    torch.testing.assert_close(weights @ value, wanted)
