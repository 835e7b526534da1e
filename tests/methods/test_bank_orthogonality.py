"""ATLAS' orthogonality, against the plain double sum."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import families
import tiny_model
from continual_vqa.backbones.adapters import Bank, initialise
from continual_vqa.backbones.bank import BankBranch
from continual_vqa.config.recipe import Recipe
from continual_vqa.config.tuning import BankTuning, Phase
from continual_vqa.methods.bank_orthogonality import BankOrthogonality, orthogonality
from continual_vqa.methods.guards import GuardFiles, guards_of
from continual_vqa.methods.parameters import FlatParameters
from oracles import atlas_reference as reference

TUNING = BankTuning(width=3, heads=2)


@given(seed=st.integers(0, 10_000), n=st.integers(1, 6), d=st.integers(1, 8))
def test_it_is_the_double_sum(seed: int, n: int, d: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(n, d))
    found = orthogonality(torch.from_numpy(vectors)).item()
    assert found == pytest.approx(reference.orthogonality(vectors), rel=1e-9, abs=1e-12)


@given(seed=st.integers(0, 1000), n=st.integers(1, 6))
def test_orthonormal_vectors_cost_nothing(seed: int, n: int) -> None:
    square = np.random.default_rng(seed).normal(size=(6, 6))
    rows = np.linalg.qr(square)[0][:n]
    assert orthogonality(torch.from_numpy(rows)).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("phase", ["experience", "expansion"])
def test_a_guard_adds_the_mean_over_branches_once_a_batch(phase: Phase) -> None:
    model = tiny_model.tiny()
    model.put_bank(
        Bank(
            model.branches(),
            lambda b: BankBranch(b, TUNING, adapters=(1, 2, 3), asked=(1, 2, 3), task=3),
        )
    )
    assert model.bank is not None
    initialise(model, model.bank.names(), 1)
    guard = BankOrthogonality(TUNING, phase)
    guard.before_stage(model, FlatParameters(dict(model.bank.named_parameters())))
    tensors = {name: p.detach().numpy() for name, p in model.bank.named_parameters()}
    terms = []
    for branch in model.branches():
        sets = ["queries.3-{}"] + (["keys.{}"] if phase == "expansion" else [])
        rows = [[tensors[f"{branch.place}.{s.format(n)}"] for n in (1, 2, 3)] for s in sets]
        terms.append(sum(reference.orthogonality(np.array(each)) for each in rows))
    loss, batch = torch.tensor(2.0), families.batch(model, np.arange(2))
    pieces = [guard.on_loss(loss * share, loss, batch, share) for share in (0.25, 0.75)]
    expected = 2.0 + TUNING.orthogonality * float(np.mean(terms))
    assert sum(pieces).item() == pytest.approx(expected, rel=1e-5)


def test_a_recipe_without_it_has_no_such_guard() -> None:
    def guards(strength: float) -> int:
        tune = {"kind": "adapter_bank", "orthogonality": strength}
        recipe = Recipe.model_validate({"tune": tune, "start": "stacked", "deploy": "own"})
        return len(guards_of(recipe, GuardFiles(), "", lambda path: pytest.fail("no teacher")))

    assert (guards(0.1), guards(0.0)) == (1, 0)
