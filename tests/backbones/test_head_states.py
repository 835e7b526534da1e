"""The states that a head reads are seen in every family, and nothing changes by looking."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import families
from continual_vqa.backbones.head_states import distance, reading

MODELS = families.tiny_models()


@pytest.mark.parametrize("name", MODELS)
def test_the_head_of_every_family_is_seen(name: str) -> None:
    model = MODELS[name](0).eval()
    batch = families.batch(model, np.arange(4))
    plain = model.logits(batch)
    with reading(model) as states:
        seen = model.logits(batch)
    assert torch.equal(plain, seen)
    assert states and sum(len(each) for each in states) >= len(plain)
    before = [each.clone() for each in states]
    model.logits(batch)
    for each, kept in zip(states, before, strict=True):
        assert torch.equal(each, kept), "what is computed later is not looked at"


@pytest.mark.parametrize("name", [n for n in MODELS if not MODELS[n](0).heads()])
def test_a_model_without_a_named_head_writes_its_logits_from_them(name: str) -> None:
    model = MODELS[name](0).eval()
    batch = families.batch(model, np.arange(4))
    assert batch.answers is not None
    with reading(model) as states:
        model.logits(batch)
    (state,) = states
    assert state.shape[:2] == batch.answers.shape


@pytest.mark.parametrize("name", MODELS)
def test_the_states_have_gradients(name: str) -> None:
    model = MODELS[name](0)
    batch = families.batch(model, np.arange(2))
    with reading(model) as states:
        model.logits(batch)
    sum((each.square().sum() for each in states), torch.zeros(())).backward()
    assert any(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in model.parameters())


def test_the_distance_is_that_of_directions() -> None:
    one = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    torch.testing.assert_close(distance(one, 3 * one), torch.zeros(2))
    torch.testing.assert_close(distance(one, -one), torch.full((2,), 4.0))
    torch.testing.assert_close(distance(one, one.flip(0)), torch.full((2,), 2.0))
