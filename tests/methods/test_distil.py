from __future__ import annotations

from pathlib import Path

import guard_world as world
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

import families
from continual_vqa.config.guards import DistilGuard
from continual_vqa.methods.distil import Distil, divergence
from continual_vqa.methods.guards import GuardFiles

TINY = next(iter(world.MODELS.values()))
FOUR = np.arange(4)
FILES = GuardFiles(teacher=Path("teacher.safetensors"))


def distance(config: DistilGuard, student, teacher) -> torch.Tensor:
    """What the guard adds to the loss of four samples."""
    batch = families.batch(student, FOUR)
    return Distil(config, teacher).on_loss(torch.zeros(()), student.logits(batch), batch, 1.0)


@pytest.mark.parametrize("name", world.MODELS)
def test_it_is_the_formula(name: str) -> None:
    student, teacher = world.MODELS[name](0), world.MODELS[name](1)
    batch = families.batch(student, FOUR)
    assert batch.answers is not None
    wanted, own = teacher.logits(batch) / 3, student.logits(batch) / 3
    samples = []
    for row, answers in enumerate(batch.answers):
        kinds = [
            (
                wanted[row, t].softmax(0)
                * (wanted[row, t].log_softmax(0) - own[row, t].log_softmax(0))
            )
            for t in range(int(student.real(answers).sum()))
        ]
        samples.append(sum(kind.sum() for kind in kinds) / len(kinds))
    expected = 0.5 * 9 * sum(samples) / len(samples)
    found = distance(DistilGuard(strength=0.5, temperature=3.0), student, teacher)
    torch.testing.assert_close(found, torch.as_tensor(expected), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", world.MODELS)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_at_the_start_nothing_pulls(name: str, precision: str) -> None:
    student, teacher = world.MODELS[name](0), world.MODELS[name](0)
    parameters, guards = world.guarded(student, [DistilGuard()], FILES, teacher=teacher)
    batch = families.batch(student, FOUR)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        logits = student.logits(batch)
    loss = guards[0].on_loss(torch.zeros(()), logits, batch, 1.0)
    loss.backward()
    task = torch.cat([p.grad.flatten().clone() for p in _trained(student)])
    parameters.gradient.zero_()
    student.losses(batch).mean().backward()
    assert loss.abs() < 1e-6
    assert task.norm() < 1e-4 * parameters.gradient.norm()


def _trained(model):
    return [p for p in model.parameters() if p.grad is not None]


def test_the_teacher_is_no_part_of_the_training(tmp_path: Path) -> None:
    model, teacher = TINY(0), TINY(1).train()
    before = [p.clone() for p in teacher.parameters()]
    parameters, guards = world.guarded(model, [DistilGuard()], FILES, teacher=teacher)
    assert len(parameters.values) == sum(p.numel() for p in model.parameters())
    world.train(model, parameters, guards, tmp_path)
    assert not teacher.training
    for old, new in zip(before, teacher.parameters(), strict=True):
        assert torch.equal(old, new) and not new.requires_grad and new.grad is None


def test_it_keeps_the_answers_of_the_teacher(tmp_path: Path) -> None:
    ends = {}
    for strength in (0.0, 20.0):
        model, teacher = TINY(0), TINY(0)
        config = DistilGuard(strength=strength)
        parameters, guards = world.guarded(model, [config], FILES, teacher=teacher)
        world.train(model, parameters, guards, tmp_path, segments=4)
        ends[strength] = distance(DistilGuard(), model, TINY(0)).item()
    assert ends[20.0] < 0.5 * ends[0.0]


def test_pieces_add_up_to_the_batch() -> None:
    student, guard = TINY(0), Distil(DistilGuard(), TINY(1))
    whole = distance(DistilGuard(), student, TINY(1))
    total = torch.zeros(())
    for numbers in (FOUR[:1], FOUR[1:]):
        batch = families.batch(student, numbers)
        logits = student.logits(batch)
        total = guard.on_loss(total, logits, batch, len(numbers) / len(FOUR))
    torch.testing.assert_close(total, whole, rtol=1e-5, atol=1e-6)


@given(seed=st.integers(0, 99), temperature=st.floats(0.5, 10))
def test_the_divergence_is_zero_for_equals_and_else_positive(seed: int, temperature: float) -> None:
    one, two = torch.randn(2, 3, 2, 7, generator=torch.Generator().manual_seed(seed))
    assert divergence(one, one, temperature).abs().max() < 1e-6
    found = divergence(one, two, temperature)
    assert (found > -1e-7).all()
    assert found.shape == (3, 2)
    reference = F.kl_div(
        (one / temperature).log_softmax(-1), (two / temperature).softmax(-1), reduction="sum"
    )
    torch.testing.assert_close(found.sum(), reference, rtol=1e-4, atol=1e-5)
