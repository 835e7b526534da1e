"""Stored logits: the cost of a batch of the memory against a sum by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import tiny_model
import tiny_vilt
from continual_vqa.config.replay import LogitsReplay
from continual_vqa.methods.stored import Stored, distance


@pytest.mark.parametrize("beta", [0.0, 0.5])
def test_the_cost_is_the_examples_loss_and_the_distance(beta: float) -> None:
    model = tiny_model.tiny()
    batch = tiny_model.inputs(model, ("red", "light blue"))
    logits = model.logits(batch).detach()
    assert batch.answers is not None
    real = model.real(batch.answers)
    stored = torch.full_like(logits, torch.finfo(torch.float32).min)
    stored[real] = logits[real] + 0.5
    loss = torch.tensor(3.0)
    guard = Stored(LogitsReplay(alpha=0.4, beta=beta))
    assert guard.on_loss(loss, logits, batch, 0.25) is loss
    cost = guard.on_loss(loss, logits, replace(batch, stored=stored), 0.25)
    assert cost.item() == pytest.approx(beta * 3 + 0.4 * 0.25 * 0.5**2)


def test_choices_that_only_one_of_both_has_do_not_count() -> None:
    model = tiny_vilt.tiny(0)
    logits = torch.zeros(2, 1, 6)
    stored = torch.zeros(2, 1, 4)
    stored[0, 0, 0], stored[1, 0, 3] = 2.0, torch.finfo(torch.float32).min
    batch = replace(tiny_model.inputs(tiny_model.tiny()), stored=stored)
    assert model.classes is not None
    assert distance(logits, batch).tolist() == [1.0, 0.0]
