"""What holds for the guards of every recipe, in trainings through the real loop."""

from __future__ import annotations

import itertools
from contextlib import nullcontext
from pathlib import Path

import guard_world as world
import pytest
import torch

from continual_vqa.config.guards import (
    DistilGuard,
    GuardConfig,
    MaskGuard,
    PartShares,
    PenaltyGuard,
)
from continual_vqa.config.recipe import Recipe
from continual_vqa.errors import UserError
from continual_vqa.methods.guards import GuardFiles, guards_of
from continual_vqa.methods.parameters import trained_parameters
from continual_vqa.training.inflight import Interrupted
from continual_vqa.training.optimiser import AdamW

FIRST = next(iter(world.MODELS.values()))
FROZEN = MaskGuard()
HARD = AdamW(2e-2, weight_decay=0.3, clip=0.05)
ALL = (
    MaskGuard(importance=world.DIRECTED, directional=0.7),
    PenaltyGuard(strength=3.0),
    DistilGuard(),
    MaskGuard(strength=PartShares(vision=0.3, language=0.6)),
)


def shares(vision: float, language: float) -> PartShares:
    return PartShares(vision=vision, language=language)


@pytest.mark.parametrize("name", world.MODELS)
@pytest.mark.parametrize("strength", [(1, 1), (1, 0), (0, 1), (0.5, 1)])
@pytest.mark.parametrize(
    ("precision", "accumulation", "adamw"),
    [("fp32", 1, HARD), ("bf16", 3, HARD), ("bf16", 1, AdamW(1e-2)), ("fp32", 3, AdamW(1e-2))],
)
def test_frozen_entries_keep_their_bits(
    tmp_path: Path, name: str, strength, precision: str, accumulation: int, adamw: AdamW
) -> None:
    model = world.MODELS[name](0)
    config = MaskGuard(strength=shares(*strength))
    files = world.files_for(tmp_path / "files", model, [config])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.flatten()[::3] = -0.0
    parameters, guards = world.guarded(model, [config], files)
    protected = world.flat_mask(parameters, world.random_mask(parameters))
    frozen = torch.zeros_like(protected)
    for part, value in zip(("vision", "language"), strength, strict=True):
        if value == 1:
            frozen |= protected & world.part(model, parameters, part)
    before = parameters.values.clone()
    world.train(
        model,
        parameters,
        guards,
        tmp_path,
        adamw=adamw,
        accumulation=accumulation,
        precision=precision,
    )
    moved = world.bits(parameters.values) != world.bits(before)
    # Low-rank tuning of a ViLT trains nothing of the part vision.
    trained = {model.part_of(tensor) for tensor in parameters.names}
    whole = {
        part for part, value in zip(("vision", "language"), strength, strict=True) if value == 1
    }
    assert bool(frozen.any()) == bool(whole & trained) and not moved[frozen].any()
    assert moved[~frozen].float().mean() > 0.4


@pytest.mark.parametrize("order", list(itertools.permutations(range(len(ALL)))))
def test_frozen_entries_stay_whatever_else_guards(tmp_path: Path, order: tuple[int, ...]) -> None:
    model = FIRST(0)
    configs = [ALL[number] for number in order]
    files = world.files_for(tmp_path / "files", model, configs)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.flatten()[::3] = -0.0
    parameters, guards = world.guarded(model, configs, files, teacher=FIRST(1))
    seed = order.index(0)
    frozen = world.flat_mask(parameters, world.random_mask(parameters, seed))
    before = parameters.values.clone()
    world.train(model, parameters, guards, tmp_path, adamw=HARD, segments=1)
    moved = world.bits(parameters.values) != world.bits(before)
    assert not moved[frozen].any()
    assert moved[~frozen].any()


NOTHING: dict[str, GuardConfig] = {
    "mask": MaskGuard(strength=shares(0, 0)),
    "penalty": PenaltyGuard(strength=0),
    "distil": DistilGuard(strength=0),
}


@pytest.mark.parametrize("config", NOTHING.values(), ids=NOTHING.keys())
def test_strength_0_is_plain_training(tmp_path: Path, config: GuardConfig) -> None:
    model, plain = FIRST(0), FIRST(0)
    files = world.files_for(tmp_path / "files", model, [config])
    parameters, guards = world.guarded(model, [config], files)
    others = trained_parameters(plain, "default")
    losses = world.train(model, parameters, guards, tmp_path)
    assert losses == world.train(plain, others, (), tmp_path)
    assert torch.equal(world.bits(parameters.values), world.bits(others.values))


EVERY: dict[str, GuardConfig] = {
    "frozen": FROZEN,
    "slowed": MaskGuard(strength=shares(0.5, 0.5)),
    "directed": MaskGuard(importance=world.DIRECTED, directional=1, strength=shares(0, 0)),
    "penalty": PenaltyGuard(strength=3.0),
    "distil": DistilGuard(),
}


@pytest.mark.parametrize("config", EVERY.values(), ids=EVERY.keys())
def test_accumulation_changes_nothing_but_rounding(tmp_path: Path, config: GuardConfig) -> None:
    ends = []
    for accumulation in (1, 3):
        model = FIRST(0)
        files = world.files_for(tmp_path / "files", model, [config])
        parameters, guards = world.guarded(model, [config], files, teacher=FIRST(1))
        adamw = AdamW(1e-3, eps=1e-2)
        world.train(model, parameters, guards, tmp_path, accumulation=accumulation, adamw=adamw)
        ends.append(parameters.values)
    torch.testing.assert_close(*ends, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("config", EVERY.values(), ids=EVERY.keys())
def test_every_guard_changes_the_training(tmp_path: Path, config: GuardConfig) -> None:
    model, plain = FIRST(0), FIRST(0)
    files = world.files_for(tmp_path / "files", model, [config])
    parameters, guards = world.guarded(model, [config], files, teacher=FIRST(1))
    others = trained_parameters(plain, "default")
    world.train(model, parameters, guards, tmp_path)
    world.train(plain, others, (), tmp_path)
    assert not torch.equal(parameters.values, others.values)


@pytest.mark.parametrize("configs", [*[(c,) for c in EVERY.values()], ALL], ids=[*EVERY, "all"])
def test_stopped_and_resumed_is_bit_equal(tmp_path: Path, configs) -> None:
    ends = []
    for stops in ([], [1], [1, 3]):
        for stop in [*stops, 0]:
            model = FIRST(0)
            files = world.files_for(tmp_path / "files", model, configs)
            parameters, guards = world.guarded(model, configs, files, teacher=FIRST(1))
            with nullcontext() if stop == 0 else pytest.raises(Interrupted):
                world.train(model, parameters, guards, tmp_path / str(len(stops)), stop_after=stop)
        ends.append(world.bits(parameters.values).clone())
    assert torch.equal(ends[0], ends[1]) and torch.equal(ends[0], ends[2])


def test_a_recipe_without_guards_has_none() -> None:
    assert guards_of(Recipe(), GuardFiles(), world.BASE, lambda path: FIRST(0)) == ()


@pytest.mark.parametrize(
    ("config", "masks", "words"),
    [
        (MaskGuard(), 0, "0 files for 1 mask guards"),
        (PenaltyGuard(), 1, "1 files for 0 mask guards"),
        (DistilGuard(), 0, "--teacher"),
    ],
)
def test_missing_files_are_refused(config: GuardConfig, masks: int, words: str) -> None:
    files = GuardFiles([Path("mask.safetensors")] * masks)
    with pytest.raises(UserError, match=words):
        guards_of(Recipe(guards=(config,)), files, world.BASE, lambda path: FIRST(0))
