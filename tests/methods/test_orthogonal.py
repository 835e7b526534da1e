"""O-LoRA's penalty, against the plain double sum."""

from __future__ import annotations

from pathlib import Path

import guard_world as world
import numpy as np
import pytest
import torch

import families
import tiny_model
from continual_vqa.backbones.tensor_file import write_tensors
from continual_vqa.config.guards import OrthogonalGuard
from continual_vqa.errors import UserError
from continual_vqa.methods.guards import GuardFiles
from continual_vqa.methods.orthogonal import Orthogonal
from continual_vqa.methods.parameters import trained_parameters


def earlier(path: Path, seed: int) -> Path:
    """The factors of another stage."""
    parameters = trained_parameters(tiny_model.low_rank(seed), "lora")
    write_tensors(path, parameters.tensors(), {"base_sha256": world.BASE})
    return path


def penalty(guard: Orthogonal, share: float) -> torch.Tensor:
    zero = torch.zeros(())
    batch = families.batch(tiny_model.low_rank(0), np.arange(2))
    return guard.on_loss(zero, zero, batch, share)


def test_it_adds_the_overlap_of_every_layer_with_every_earlier_task(tmp_path: Path) -> None:
    model = tiny_model.low_rank(3)
    parameters = trained_parameters(model, "lora")
    files = [earlier(tmp_path / str(seed), seed) for seed in (1, 2)]
    guard = Orthogonal(OrthogonalGuard(strength=0.5), files, world.BASE)
    guard.before_stage(model, parameters)
    expected = 0.0
    for seed in (1, 2):
        other = dict(tiny_model.low_rank(seed).named_parameters())
        for name, own in model.named_parameters():
            if ".lora_A." in name:
                expected += (other[name].double() @ own.double().T).abs().sum().item()
    assert expected > 0
    assert penalty(guard, 0.25).item() == pytest.approx(0.5 * 0.25 * expected, rel=1e-5)


def test_the_penalty_reaches_the_trained_factors(tmp_path: Path) -> None:
    model = tiny_model.low_rank(3)
    parameters = trained_parameters(model, "lora")
    guard = Orthogonal(OrthogonalGuard(), [earlier(tmp_path / "1", 1)], world.BASE)
    guard.before_stage(model, parameters)
    penalty(guard, 1).backward()
    moved = {n for n, p in model.named_parameters() if p.grad is not None and bool(p.grad.any())}
    assert moved == {n for n, _ in model.named_parameters() if ".lora_A." in n}


def test_the_first_stage_has_nothing_to_be_apart_from() -> None:
    model = tiny_model.low_rank(3)
    guard = Orthogonal(OrthogonalGuard(), [], world.BASE)
    guard.before_stage(model, trained_parameters(model, "lora"))
    assert penalty(guard, 1).item() == 0


def test_it_needs_factors() -> None:
    model = tiny_model.tiny(tiny_model.PATCHES, 0)
    guard = Orthogonal(OrthogonalGuard(), [], world.BASE)
    with pytest.raises(UserError, match="no low-rank factors"):
        guard.before_stage(model, trained_parameters(model, "full"))


def test_the_recipes_guard_reads_the_stack(tmp_path: Path) -> None:
    model = tiny_model.low_rank(3)
    files = GuardFiles(stack=[earlier(tmp_path / "1", 1)])
    _, guards = world.guarded(model, [OrthogonalGuard()], files)
    assert penalty(guards[0], 1).item() > 0  # pyright: ignore[reportArgumentType]
