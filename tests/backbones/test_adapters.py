"""Adapters in the branches of every family: fresh ones change nothing, others act everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

import families
from continual_vqa.backbones.adapters import ATTENTION, MLP, Adapter, Bank, initialise
from continual_vqa.backbones.bank import BankBranch
from continual_vqa.backbones.base import Backbone, Batch
from continual_vqa.config.tuning import BankTuning

MODELS = families.tiny_models()
FAMILIES = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS.keys())
FIVE = np.arange(5)
Make = Callable[[int], Backbone]


def with_adapters(model: Backbone, *, fresh: bool) -> Backbone:
    model.put_bank(Bank(model.branches(), lambda branch: Adapter(branch.width, 4)))
    return drawn(model, fresh=fresh)


def with_bank(model: Backbone, *, fresh: bool = False, **options: object) -> Backbone:
    tuning = BankTuning.model_validate({"width": 4, "heads": 2, **options})
    model.put_bank(
        Bank(
            model.branches(),
            lambda branch: BankBranch(branch, tuning, adapters=(1, 2), asked=(1, 2), task=2),
        )
    )
    return drawn(model, fresh=fresh)


def drawn(model: Backbone, *, fresh: bool) -> Backbone:
    assert model.bank is not None
    initialise(model, model.bank.names(), 3)
    if not fresh:
        generator = torch.Generator().manual_seed(5)
        with torch.no_grad():
            for name, tensor in model.bank.named_parameters():
                if ".up." in name:
                    noise = torch.empty(tensor.shape).normal_(0, 0.3, generator=generator)
                    tensor.copy_(noise)
    return model.eval()


def answers(model: Backbone, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    return model.generate(batch, beams=2, length=4)


@FAMILIES
def test_every_branch_says_where_it_is(make: Make) -> None:
    found = [(b.stack, b.layer, b.kind) for b in make(1).branches()]
    assert len(set(found)) == len(found) > 0
    for stack, layer, kind in found:
        assert stack and kind in (ATTENTION, MLP)
        assert layer == 1 or (stack, layer - 1, kind) in found


@FAMILIES
def test_fresh_adapters_change_nothing(make: Make) -> None:
    plain, adapted = make(1).eval(), with_adapters(make(1), fresh=True)
    batch = families.batch(plain, FIVE)
    torch.testing.assert_close(adapted.logits(batch), plain.logits(batch))
    uniform = with_bank(make(1), fresh=True, weights="uniform")
    torch.testing.assert_close(uniform.logits(batch), plain.logits(batch))


@FAMILIES
@pytest.mark.parametrize("wrap", [lambda m: with_adapters(m, fresh=False), with_bank])
def test_every_tensor_of_every_branch_matters(make: Make, wrap: Callable) -> None:
    model = wrap(make(1))
    assert model.bank is not None and len(model.bank) == len(model.branches()) > 0
    model.losses(families.batch(model, FIVE)).mean().backward()
    silent = [n for n, p in model.bank.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


@FAMILIES
def test_the_answer_to_a_question_does_not_depend_on_the_others(make: Make) -> None:
    model = with_bank(make(2))
    together, scores = answers(model, families.batch(model, FIVE))
    for number in FIVE:
        alone, score = answers(model, families.batch(model, np.array([number])))
        length = min(alone.shape[1], together.shape[1])
        assert torch.equal(alone[0, :length], together[number, :length])
        torch.testing.assert_close(score[0], scores[number], atol=1e-4, rtol=1e-4)


@FAMILIES
def test_the_score_of_an_answer_is_the_one_that_training_sees(make: Make) -> None:
    model = with_bank(make(3))
    batch = families.batch(model, FIVE)
    tokens, scores = model.generate(batch, beams=1, length=3)
    given = replace(batch, answers=tokens.clone(), labels=None)
    with torch.inference_mode():
        logs = model.logits(given).log_softmax(-1).gather(2, tokens[..., None])[..., 0]
    ended = tokens == model.words.end
    real = ended.cumsum(1) - ended.long() == 0  # the end mark counts, what follows it does not
    torch.testing.assert_close((logs * real).sum(1), scores, atol=1e-4, rtol=1e-4)


@FAMILIES
def test_adapters_are_of_a_part_and_belong_to_no_other_tuning(make: Make) -> None:
    from continual_vqa.methods.parameters import trained_names

    model = with_bank(make(4))
    assert model.bank is not None
    names = set(model.bank.names())
    assert {model.part_of(name) for name in names} <= {"vision", "language"}
    assert not names & set(trained_names(model, "full"))


@FAMILIES
def test_draws_depend_on_the_name_alone(make: Make) -> None:
    one, other = with_bank(make(5), fresh=True), make(5)
    tuning = BankTuning(width=4, heads=2)
    other.put_bank(
        Bank(other.branches(), lambda b: BankBranch(b, tuning, adapters=(2,), asked=(2,), task=2))
    )
    assert one.bank is not None and other.bank is not None
    initialise(other, other.bank.names(), 3)
    own = dict(one.named_parameters())
    shared = [(own[n], p) for n, p in other.named_parameters() if n.startswith("bank.")]
    assert shared and all(torch.equal(a, b) for a, b in shared)
