from __future__ import annotations

import json
from pathlib import Path

import guard_world as world
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from continual_vqa.config.guards import MaskGuard, PartShares
from continual_vqa.errors import UserError
from continual_vqa.methods.guards import GuardFiles
from continual_vqa.methods.parameters import trained_parameters
from continual_vqa.training.optimiser import AdamW, Optimiser

TINY = next(iter(world.MODELS.values()))


@settings(max_examples=30)
@given(
    # Strengths that float32 holds: one nearer to 1 than that is not 1, and freezes nothing.
    vision=st.floats(0, 1, width=32),
    language=st.floats(0, 1, width=32),
    seed=st.integers(0, 9),
    size=st.floats(0, 1),
)
def test_the_step_is_linear_in_the_strength(
    tmp_path_factory: pytest.TempPathFactory, vision: float, language: float, seed: int, size: float
) -> None:
    folder = tmp_path_factory.mktemp("step")
    model = TINY(0)
    config = MaskGuard(strength=PartShares(vision=vision, language=language))
    mask = world.random_mask(trained_parameters(model, "full"), seed)
    path = world.write_mask(folder / "mask.safetensors", model, mask, config)
    parameters, guards = world.guarded(model, [config], GuardFiles([path]))
    before = parameters.values.clone()
    for guard in guards:
        guard.before_step(parameters)
    step = size * torch.randn(len(before), generator=torch.Generator().manual_seed(seed))
    parameters.values += step
    after = parameters.values.clone()
    for guard in guards:
        guard.after_step(parameters)
    protected = world.flat_mask(parameters, mask)
    strength = torch.where(world.part(model, parameters, "vision"), vision, language)
    expected = torch.where(protected, before + (1 - strength) * (after - before), after)
    torch.testing.assert_close(parameters.values, expected, rtol=1e-6, atol=1e-6)
    assert torch.equal(parameters.values[~protected], after[~protected])
    frozen = protected & (strength == 1)
    assert torch.equal(parameters.values[frozen], before[frozen])


def test_strength_a_half_halves_the_optimisers_step(tmp_path: Path) -> None:
    model, plain = TINY(0), TINY(0)
    config = MaskGuard(strength=PartShares(vision=0.5, language=0.5))
    parameters, guards = world.guarded(model, [config], world.files_for(tmp_path, model, [config]))
    others = trained_parameters(plain, "full")
    before = parameters.values.clone()
    gradient = torch.randn(len(before), generator=torch.Generator().manual_seed(1))
    for vector, hooks in ((parameters, guards), (others, ())):
        optimiser = Optimiser(vector, AdamW(1e-3, weight_decay=0.1, clip=0.5))
        vector.gradient.copy_(gradient)
        for guard in hooks:
            guard.after_backward(vector)
        optimiser.clip()
        for guard in hooks:
            guard.before_step(vector)
        optimiser.update(1e-3)
        for guard in hooks:
            guard.after_step(vector)
    protected = world.flat_mask(parameters, world.random_mask(parameters))
    expected = torch.where(protected, before + (others.values - before) / 2, others.values)
    torch.testing.assert_close(parameters.values, expected, rtol=1e-7, atol=1e-9)
    assert torch.equal(parameters.values[~protected], others.values[~protected])


def test_frozen_entries_take_no_share_of_the_clipped_norm(tmp_path: Path) -> None:
    model = TINY(0)
    parameters, guards = world.guarded(
        model, [MaskGuard()], world.files_for(tmp_path, model, [MaskGuard()])
    )
    frozen = world.flat_mask(parameters, world.random_mask(parameters))
    parameters.gradient.copy_(torch.where(frozen, 1e6, 1e-3))
    for guard in guards:
        guard.after_backward(parameters)
    free = parameters.gradient.clone()
    assert torch.equal(free, torch.where(frozen, 0.0, 1e-3))
    Optimiser(parameters, AdamW(1e-3, clip=100.0)).clip()
    assert torch.equal(parameters.gradient, free)


def test_a_part_of_which_nothing_is_protected_costs_nothing(tmp_path: Path) -> None:
    model = TINY(0)
    parameters = trained_parameters(model, "full")
    mask = {name: bits & False for name, bits in world.random_mask(parameters).items()}
    path = world.write_mask(tmp_path / "mask.safetensors", model, mask, MaskGuard())
    parameters, (guard,) = world.guarded(model, [MaskGuard()], GuardFiles([path]))
    assert guard._runs == []  # pyright: ignore[reportAttributeAccessIssue]


def _without(mask: dict) -> None:
    del mask["text.shared.weight"]


def _extra(mask: dict) -> None:
    mask["text.other.weight"] = mask["text.shared.weight"]


def _narrow(mask: dict) -> None:
    mask["text.shared.weight"] = mask["text.shared.weight"][:, 1:]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_without, ["text.shared.weight missing"]),
        (_extra, ["text.other.weight", "untrained"]),
        (_narrow, ["text.shared.weight", "31", "32"]),
    ],
)
def test_a_mask_of_other_tensors_is_refused(tmp_path: Path, change, words: list[str]) -> None:
    model = TINY(0)
    mask = world.random_mask(trained_parameters(model, "full"))
    change(mask)
    path = world.write_mask(tmp_path / "mask.safetensors", model, mask, MaskGuard())
    with pytest.raises(UserError) as caught:
        world.guarded(model, [MaskGuard()], GuardFiles([path]))
    assert all(word in str(caught.value) for word in [str(path), *words])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"base_sha256": "c" * 64}, "cccccccccccc.*bbbbbbbbbbbb"),
        ({"settings": json.dumps({"scope": "global"})}, "was made with.*global.*per_part"),
        ({"format": "other"}, "mask"),
    ],
)
def test_a_mask_made_otherwise_is_refused(tmp_path: Path, changes: dict, words: str) -> None:
    model = TINY(0)
    mask = world.random_mask(trained_parameters(model, "full"))
    path = world.write_mask(tmp_path / "mask.safetensors", model, mask, MaskGuard(), **changes)
    with pytest.raises(UserError, match=words):
        world.guarded(model, [MaskGuard()], GuardFiles([path]))
