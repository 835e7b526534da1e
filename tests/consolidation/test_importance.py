"""Importance against plain autograd, one sample at a time, for every parameter of every family."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import families
from continual_vqa.backbones.base import Backbone, Batch
from continual_vqa.backbones.classifier import ABSENT
from continual_vqa.config.importance import ImportanceConfig
from continual_vqa.consolidation.importance import ImportanceSums
from continual_vqa.methods.parameters import trained_names

FAMILIES = families.tiny_models()
NUMBERS = np.arange(5)
Sums = dict[str, Tensor]


@pytest.fixture(params=FAMILIES)
def model(request: pytest.FixtureRequest) -> Backbone:
    model = FAMILIES[request.param](0).eval()
    # Low-rank factors begin with a zero matrix, which would hide what is behind it.
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.02)
    return model


def names(model: Backbone) -> list[str]:
    return trained_names(model, "default")


def measure(model: Backbone, *batches: Batch, **config: object) -> Sums:
    measured = ImportanceSums(model, names(model), ImportanceConfig.model_validate(config))
    for batch in batches:
        measured.add(batch)
    return measured.sums


def log_likelihood(model: Backbone, batch: Batch) -> Tensor:
    """log p of the only answer of `batch`, written out."""
    assert batch.answers is not None
    logs = model.logits(batch)[0].log_softmax(-1)
    tokens = batch.answers[0][model.real(batch.answers)[0]].tolist()
    return sum((logs[place, token] for place, token in enumerate(tokens)), torch.zeros(()))


def squared_norm(model: Backbone, batch: Batch) -> Tensor:
    assert batch.answers is not None
    real = model.real(batch.answers)[0]
    logits = model.logits(batch)[0][real]
    return logits[logits != ABSENT].square().sum()


def gradients(model: Backbone, value: Tensor) -> Sums:
    parameters = {n: p for n, p in model.named_parameters() if n in names(model)}
    found = torch.autograd.grad(value, list(parameters.values()), allow_unused=True)
    return {
        name: torch.zeros_like(p) if g is None else g
        for (name, p), g in zip(parameters.items(), found, strict=True)
    }


def one_by_one(
    model: Backbone,
    objective: Callable[[Backbone, Batch], Tensor],
    norm: Callable[[Tensor], Tensor],
    batches: list[Batch],
) -> Sums:
    model.requires_grad_(True)
    total = {n: torch.zeros_like(p) for n, p in model.named_parameters() if n in names(model)}
    for batch in batches:
        for name, gradient in gradients(model, objective(model, batch)).items():
            total[name] += norm(gradient)
    return total


def alone(batch: Batch) -> list[Batch]:
    """Its samples, each a batch without the others, padded as it is."""
    return [
        replace(batch.take(torch.tensor([n])), labels=None) for n in range(len(batch.questions))
    ]


def double(model: Backbone) -> Batch:
    """The model made one of float64, and a batch for it."""
    model.double()
    batch = families.batch(model, NUMBERS)
    visual = batch.visual.double() if batch.visual.is_floating_point() else batch.visual
    return replace(batch, visual=visual, labels=None)


def assert_close(one: Sums, two: Sums, relative: float) -> None:
    """Equal within `relative` of each tensor's largest entry.

    The bias of an attention's keys changes nothing: what is measured of it is rounding.
    """
    assert one.keys() == two.keys()
    rounding = 1e-12 * max(float(tensor.detach().abs().max()) for tensor in two.values())
    for name, tensor in two.items():
        largest = float(tensor.detach().abs().max())
        torch.testing.assert_close(
            one[name],
            tensor.to(one[name].dtype),
            rtol=0,
            atol=relative * largest + rounding + 1e-30,
            msg=lambda text, name=name: f"{name}: {text}",
        )


def test_fisher_of_the_annotators_answers(model: Backbone) -> None:
    batch = double(model)
    expected = one_by_one(model, log_likelihood, torch.square, alone(batch))
    assert_close(measure(model, batch), expected, 1e-5)
    assert all(tensor.any() for tensor in expected.values())


def test_fisher_of_sampled_answers(model: Backbone) -> None:
    batch = double(model)
    draws = torch.rand(5, 3, generator=torch.Generator().manual_seed(0))
    answers = model.sample(batch, draws)
    batch = replace(batch, answers=answers)
    expected = one_by_one(model, log_likelihood, torch.square, alone(batch))
    assert_close(measure(model, batch, labels="model"), expected, 1e-5)


def test_mas(model: Backbone) -> None:
    batch = double(model)
    expected = one_by_one(model, squared_norm, torch.abs, alone(batch))
    assert_close(measure(model, batch, kind="mas"), expected, 1e-5)


def test_the_direction_is_the_gradient_of_the_loss(model: Backbone) -> None:
    batch = double(model)
    expected = one_by_one(model, log_likelihood, torch.negative, alone(batch))
    found = measure(model, batch, direction=True, kind="mas")
    assert len(found) == 2 * len(expected)
    directions = {name: found[f"direction:{name}"] for name in expected}
    assert_close(directions, expected, 1e-5)


def test_chunks_do_not_matter(model: Backbone) -> None:
    whole = measure(model, families.batch(model, NUMBERS))
    cut = [families.batch(model, NUMBERS[part]) for part in (slice(0, 1), slice(1, 3), slice(3, 5))]
    # Other padding, other order of sums: rounding differs.
    assert_close(measure(model, *cut), whole, 1e-4)


def test_a_batch_gradient_is_what_it_says(model: Backbone) -> None:
    batch = double(model)
    model.requires_grad_(True)
    for kind, objective, norm in (
        ("fisher", log_likelihood, torch.square),
        ("mas", squared_norm, torch.abs),
    ):
        values = torch.stack([objective(model, each) for each in alone(batch)])
        mean = gradients(model, values.mean())
        expected = {name: norm(gradient) * len(NUMBERS) for name, gradient in mean.items()}
        approximate = measure(model, batch, kind=kind, gradients="batch")
        assert_close(approximate, expected, 1e-5)
        exact = measure(model, batch, kind=kind)
        assert any(not torch.allclose(exact[n], approximate[n], rtol=0.1) for n in exact)


def test_bf16_is_close_and_sums_are_fp32(model: Backbone) -> None:
    batch = families.batch(model, NUMBERS)
    exact, rounded = measure(model, batch), measure(model, batch, precision="bf16")
    assert {tensor.dtype for tensor in rounded.values()} == {torch.float32}
    one, two = (torch.cat([s[n].flatten() for n in sorted(s)]) for s in (exact, rounded))
    assert F.cosine_similarity(one, two, 0) > 0.99
    assert 0.9 < float(two.sum() / one.sum()) < 1.1


def test_only_trained_parameters_are_measured(model: Backbone) -> None:
    chosen, batch = names(model)[:2], families.batch(model, NUMBERS)
    everything = measure(model, batch)
    measured = ImportanceSums(model, chosen, ImportanceConfig())
    measured.add(batch)
    assert sorted(n for n, p in model.named_parameters() if p.requires_grad) == chosen
    assert_close(measured.sums, {name: everything[name] for name in chosen}, 1e-5)


def test_dropout_is_off() -> None:
    import tiny_model

    model = tiny_model.tiny(dropout=0.5).train()
    batch = families.batch(model, NUMBERS)
    assert_close(measure(model, batch), measure(model.train(), batch), 0)


def test_one_backward_pass_is_enough_for_what_is_trained(model: Backbone) -> None:
    measured = ImportanceSums(model, names(model), ImportanceConfig())
    measured.add(families.batch(model, NUMBERS))
    assert measured.one_by_one == frozenset()
