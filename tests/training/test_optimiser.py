from __future__ import annotations

import pytest
import torch

import tiny_model
from continual_vqa.methods.parameters import trained_parameters
from continual_vqa.training.optimiser import AdamW, Optimiser, rate


def gradients(model, step: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(step)
    return {n: torch.randn(p.shape, generator=generator) for n, p in model.named_parameters()}


@pytest.mark.parametrize("clip", [0.0, 0.5])
def test_equals_adamw_of_torch(clip: float) -> None:
    model, theirs = tiny_model.tiny(), tiny_model.tiny()
    flat = trained_parameters(model, "full")
    own = Optimiser(flat, AdamW(1e-2, 0.8, 0.95, 1e-5, 0.1, clip))
    matrices = [p for p in theirs.parameters() if p.dim() > 1]
    vectors = [p for p in theirs.parameters() if p.dim() <= 1]
    reference = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
        lr=1e-2,
        betas=(0.8, 0.95),
        eps=1e-5,
    )
    for step in range(5):
        lr = 1e-2 / (step + 1)
        drawn = gradients(model, step)
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None
            parameter.grad.copy_(drawn[name])
        for name, parameter in theirs.named_parameters():
            parameter.grad = drawn[name].clone()
        own.clip()
        own.update(lr)
        if clip:
            torch.nn.utils.clip_grad_norm_(theirs.parameters(), clip)
        for group in reference.param_groups:
            group["lr"] = lr
        reference.step()
    for (name, mine), other in zip(model.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6, msg=name)
    assert flat.gradient.abs().sum() == 0


def test_gradients_arrive_in_the_vector() -> None:
    model = tiny_model.tiny()
    flat = trained_parameters(model, "full")
    model.losses(tiny_model.inputs(model)).sum().backward()
    for name, place in flat.slices().items():
        parameter = dict(model.named_parameters())[name]
        assert parameter.grad is not None
        assert torch.equal(flat.gradient[place], parameter.grad.flatten())
        assert torch.equal(flat.values[place], parameter.detach().flatten())
        assert (place.stop <= flat.decayed) == (parameter.dim() > 1)


def test_a_gradient_that_is_not_finite_is_noticed() -> None:
    flat = trained_parameters(tiny_model.tiny(), "full")
    flat.gradient[3] = torch.nan
    with pytest.raises(FloatingPointError):
        Optimiser(flat, AdamW(1e-3)).clip()


def test_the_rate_rises_and_falls() -> None:
    rates = [rate(step, 20, 1.0, 0.2) for step in range(20)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert rates[-1] == pytest.approx(1 / 16)
    assert rate(0, 1, 0.5, 0.1) == 0.5


def test_a_tensor_may_have_a_learning_rate_of_its_own() -> None:
    slow, plain = tiny_model.tiny(), tiny_model.tiny()
    names = ["visual.pixels.weight", "visual.pixels.bias"]
    start = {name: p.detach().clone() for name, p in plain.named_parameters()}
    for model, rates in ((slow, dict.fromkeys(names, 0.1)), (plain, {})):
        flat = trained_parameters(model, "full")
        optimiser = Optimiser(flat, AdamW(1e-2, weight_decay=0.1), rates)
        for name, gradient in gradients(model, 0).items():
            parameter = dict(model.named_parameters())[name]
            assert parameter.grad is not None
            parameter.grad.copy_(gradient)
        optimiser.update(1e-2)
    others = dict(slow.named_parameters())
    for name, parameter in plain.named_parameters():
        share = 0.1 if name in names else 1.0
        moved = others[name].detach() - start[name]
        expected = share * (parameter.detach() - start[name])
        torch.testing.assert_close(moved, expected, rtol=1e-4, atol=1e-7, msg=name)


def test_a_cosine_falls_slowly_at_both_ends() -> None:
    rates = [rate(step, 101, 1.0, 0.0, "cosine") for step in range(101)]
    assert rates[0] == 1.0
    assert rates == sorted(rates, reverse=True)
    assert rates[50] == pytest.approx(0.5, abs=0.02)
    assert rates[0] - rates[10] < 0.1 * 0.5
    assert rates[100] < 1e-3
