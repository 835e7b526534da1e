"""The distance of the states that the head reads: none to itself, felt by the memory alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import families
import tiny_model
from continual_vqa.backbones.base import Backbone, Batch
from continual_vqa.methods.features import Features
from continual_vqa.methods.parameters import FlatParameters

MODELS = families.tiny_models()


def cost(model: Backbone, teacher: Backbone, batch: Batch, share: float = 1.0) -> torch.Tensor:
    guard = Features(0.5, teacher)
    guard.before_stage(model, FlatParameters(dict(model.named_parameters())))
    with guard.around(batch):
        logits = model.logits(batch)
    return guard.on_loss(torch.zeros(()), logits, batch, share)


@pytest.mark.parametrize("name", MODELS)
def test_only_batches_of_the_memory_are_held_to_the_teacher(name: str) -> None:
    model, other = MODELS[name](0).eval(), MODELS[name](1).eval()
    own = families.batch(model, torch.arange(4).numpy())
    replayed = replace(own, replayed=True)
    assert cost(model, other, own).item() == 0
    assert cost(model, MODELS[name](0), replayed).item() == pytest.approx(0, abs=1e-6)
    far = cost(model, other, replayed)
    assert 0 < far.item() <= 0.5 * 4
    torch.testing.assert_close(cost(model, other, replayed, 0.5), far / 2)
    far.backward()
    assert any(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in model.parameters())
    assert all(p.grad is None for p in other.parameters())


def test_padding_of_answers_costs_nothing() -> None:
    model, other = tiny_model.tiny(seed=0), tiny_model.tiny(seed=1)
    batch = replace(tiny_model.inputs(model), replayed=True)
    assert batch.answers is not None
    longer = torch.nn.functional.pad(batch.answers, (0, 2), value=model.words.pad)
    padded = replace(batch, answers=longer)
    torch.testing.assert_close(cost(model, other, batch), cost(model, other, padded))
