"""Per-sample gradients of small models: a closed form, tied tables, and uses that are unknown."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from continual_vqa.backbones import lora
from continual_vqa.backbones.base import Batch
from continual_vqa.consolidation import per_sample
from continual_vqa.consolidation.per_sample import Norm, PerSample, add_one_by_one

WIDTH, WORDS = 4, 6


def batch_of(size: int, seed: int = 0, tokens: int = 3) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, WORDS, (size, tokens), generator=generator)
    visual = torch.randn(size, tokens, WIDTH, generator=generator, dtype=torch.float64)
    return Batch(visual, ids, ids > 0, ids.flip(1))


def both(
    module: nn.Module, objective: Callable[[Batch], Tensor], batch: Batch, norm: Norm
) -> tuple[PerSample, dict[str, Tensor], dict[str, Tensor]]:
    """The sums, and those of one backward pass for each sample."""
    parameters = dict(module.named_parameters())
    sums, expected = ({n: torch.zeros_like(p) for n, p in parameters.items()} for _ in range(2))
    fast = PerSample(parameters, objective, norm)
    fast.add(batch, sums)
    add_one_by_one(parameters, objective, norm, batch, expected)
    return fast, sums, expected


def test_softmax_regression_has_a_closed_form() -> None:
    linear = nn.Linear(WIDTH, WORDS, dtype=torch.float64)
    batch = batch_of(7, tokens=1)
    answers = batch.questions[:, 0]

    def objective(batch: Batch) -> Tensor:
        return -F.cross_entropy(linear(batch.visual)[:, 0], batch.questions[:, 0], reduction="none")

    sums = {n: torch.zeros_like(p) for n, p in linear.named_parameters()}
    PerSample(dict(linear.named_parameters()), objective, "squared").add(batch, sums)
    x = batch.visual[:, 0]
    residual = F.one_hot(answers, WORDS) - linear(x).softmax(-1)
    torch.testing.assert_close(sums["weight"], residual.square().T @ x.square())
    torch.testing.assert_close(sums["bias"], residual.square().sum(0))


class Tied(nn.Module):
    """One table for the input, a second lookup, and the head."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(WORDS, WIDTH, padding_idx=0, dtype=torch.float64)
        torch.manual_seed(0)
        nn.init.normal_(self.table.weight)

    def forward(self, batch: Batch) -> Tensor:
        hidden = torch.tanh(self.table(batch.questions) * self.table(batch.questions.flip(1)))
        return F.linear(hidden, self.table.weight).log_softmax(-1).square().sum((1, 2))


@given(st.integers(1, 6), st.integers(1, 5), st.integers(0, 99), st.sampled_from(Norm.__args__))
def test_a_tied_table(size: int, tokens: int, seed: int, norm: Norm) -> None:
    model = Tied()
    fast, sums, expected = both(model, model, batch_of(size, seed, tokens), norm)
    assert not fast.one_by_one
    torch.testing.assert_close(sums, expected)


class Odd(nn.Module):
    """Uses that are no table's row: transposed, without samples, sliced, both ways at once."""

    def __init__(self, positions: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.turned = nn.Parameter(torch.randn(WIDTH, WIDTH, dtype=torch.float64))
        self.order = nn.Embedding(positions, WIDTH, dtype=torch.float64)
        self.both = nn.Linear(WIDTH, WIDTH, dtype=torch.float64)
        self.scale = nn.Parameter(torch.randn(WIDTH, dtype=torch.float64))
        self.plain = nn.Linear(WIDTH, WIDTH, dtype=torch.float64)
        self.unused = nn.Parameter(torch.randn(2, dtype=torch.float64))

    def forward(self, batch: Batch) -> Tensor:
        positions = torch.arange(batch.visual.shape[1])
        x = batch.visual + self.order(positions)
        x = self.plain(x @ self.turned.T)
        x = torch.tanh(self.both(x) + x @ self.both.weight) * self.scale[None]
        return x.square().sum((1, 2))


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("norm", ["squared", "absolute"])
def test_unknown_uses_are_computed_one_by_one(size: int, norm: Norm) -> None:
    # Three positions and three samples: the sizes alone would not tell which is which.
    model = Odd(3)
    fast, sums, expected = both(model, model, batch_of(size), norm)
    assert fast.one_by_one == {"turned", "order.weight", "both.weight", "scale"}
    torch.testing.assert_close(sums, expected)
    assert not sums["unused"].any()


class Patched(nn.Module):
    """Patches by a convolution, positions as a row for each sample; or another convolution."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.patches = nn.Conv2d(2, WIDTH, (3, 2), stride=(stride, 2), dtype=torch.float64)
        self.first = nn.Parameter(torch.randn(1, 1, WIDTH, dtype=torch.float64))
        self.order = nn.Parameter(torch.randn(1, 5, WIDTH, dtype=torch.float64))

    def forward(self, batch: Batch) -> Tensor:
        tokens = self.patches(batch.visual).flatten(2).transpose(1, 2)[:, :4]
        first = torch.zeros_like(tokens[:, :1]) + self.first
        return torch.tanh(torch.cat([first, tokens], 1) + self.order).square().sum((1, 2))


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("norm", ["squared", "absolute"])
@pytest.mark.parametrize("stride", [3, 2])
def test_patches_and_rows_for_each_sample(size: int, norm: Norm, stride: int) -> None:
    visual = torch.randn(
        size, 2, 6, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    model, ids = Patched(stride), torch.ones(size, 1, dtype=torch.long)
    fast, sums, expected = both(model, model, Batch(visual, ids, ids > 0), norm)
    # Patches that overlap are none of the table.
    overlapping = set() if stride == 3 else {"patches.weight", "patches.bias"}
    assert fast.one_by_one == overlapping
    torch.testing.assert_close(sums, expected)
    assert all(tensor.any() for tensor in expected.values())


def test_matrices_larger_than_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(per_sample, "BLOCK", 5)
    model = Odd(3)
    _, sums, expected = both(model, model, batch_of(4), "squared")
    torch.testing.assert_close(sums, expected)


@settings(max_examples=20)
@given(st.integers(1, 4), st.integers(0, 99), st.sampled_from(Norm.__args__), st.booleans())
def test_low_rank_factors(size: int, seed: int, norm: Norm, both_trained: bool) -> None:
    net = nn.Sequential(nn.Linear(WIDTH, 5), nn.Tanh(), nn.Linear(5, WORDS, bias=False))
    lora.add(net, lora.Factors(2, 3.0, 0.0, ("0", "2")))
    net = net.double()
    torch.manual_seed(seed)
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(both_trained or lora.is_factor(name))
        nn.init.normal_(parameter)
    trained = nn.Module()
    for name, parameter in net.named_parameters():
        if parameter.requires_grad:
            trained.register_parameter(name.replace(".", "/"), parameter)

    def objective(batch: Batch) -> Tensor:
        return net(batch.visual).log_softmax(-1).square().sum((1, 2))

    fast, sums, expected = both(trained, objective, batch_of(size, seed), norm)
    assert not fast.one_by_one and len(sums) == (7 if both_trained else 4)
    assert all(expected[name].any() for name in expected)
    torch.testing.assert_close(sums, expected)


def test_a_frozen_front_needs_no_gradient() -> None:
    model = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 1)).double()
    model[0].requires_grad_(False)
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    sums = {n: torch.zeros_like(p) for n, p in trained.items()}

    def objective(batch: Batch) -> Tensor:
        return model(batch.visual).square().sum((1, 2))

    PerSample(trained, objective, "squared").add(batch_of(3), sums)
    expected = {n: torch.zeros_like(p) for n, p in trained.items()}
    add_one_by_one(trained, objective, "squared", batch_of(3), expected)
    torch.testing.assert_close(sums, expected)


def test_a_use_that_the_layout_did_not_see_is_no_silent_error() -> None:
    linear = nn.Linear(WIDTH, WIDTH, dtype=torch.float64)

    def objective(batch: Batch) -> Tensor:
        out = linear(batch.visual)
        if len(out) > 2:
            out = out @ linear.weight
        return out.square().sum((1, 2))

    parameters = dict(linear.named_parameters())
    sums = {n: torch.zeros_like(p) for n, p in parameters.items()}
    fast = PerSample(parameters, objective, "squared")
    fast.add(batch_of(2), sums)
    with pytest.raises(AssertionError, match=r"weight.*another way"):
        fast.add(batch_of(3), sums)
