"""Sampled answers follow the model's distribution and depend on their own sample alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import families
from continual_vqa.backbones.base import Backbone
from continual_vqa.backbones.sampling import sample_tokens

FAMILIES = families.tiny_models()
# An answer of the others is no sequence of tokens.
WRITING = [name for name, make in FAMILIES.items() if make(0).classes is None]


@pytest.fixture(params=FAMILIES)
def model(request: pytest.FixtureRequest) -> Backbone:
    return FAMILIES[request.param](0).eval()


def draws(samples: int, length: int = 4) -> torch.Tensor:
    return torch.rand(samples, length, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("model", WRITING, indirect=True)
def test_the_familys_own_way_draws_the_same(model: Backbone) -> None:
    batch = families.batch(model, np.arange(6))
    fast, general = model.sample(batch, draws(6)), Backbone.sample(model, batch, draws(6))
    assert fast.tolist() == general.tolist()


def test_a_draw_does_not_depend_on_the_batch(model: Backbone) -> None:
    together = model.sample(families.batch(model, np.arange(6)), draws(6))
    apart = [
        model.sample(families.batch(model, np.array([n])), draws(6)[n : n + 1])[0].tolist()
        for n in range(6)
    ]
    for one, row in zip(apart, together.tolist(), strict=True):
        assert one == row[: len(one)] and not any(row[len(one) :])


def test_a_first_token_is_as_frequent_as_it_is_probable(model: Backbone) -> None:
    count = 500
    batch = families.batch(model, np.zeros(count, np.int64))
    grid = (torch.arange(count)[:, None] + 0.5) / count
    with torch.no_grad():
        logits = model.logits(batch)[0, 0].double()
    found = torch.bincount(model.sample(batch, grid)[:, 0], minlength=len(logits)) / count
    if model.classes is None:
        logits[model.words.pad] = -torch.inf
        assert not found[model.words.pad]
    assert (found - logits.softmax(-1).float()).abs().max() < 2 / count


def test_what_follows_the_end_mark_is_padding() -> None:
    rows = torch.tensor([[0.0, 9.0, 0.0], [0.0, 0.0, 9.0]])
    tokens = sample_tokens(lambda prefix: rows.clone(), torch.full((2, 4), 0.5), pad=0, end=1)
    assert tokens.tolist() == [[1, 0, 0, 0], [2, 2, 2, 2]]
    over = sample_tokens(lambda prefix: rows[:1].clone(), torch.full((1, 4), 0.5), pad=0, end=1)
    assert over.tolist() == [[1]]
