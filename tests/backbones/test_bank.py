"""A bank of adapters in one branch: the formulas of ATLAS against an independent implementation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.backbones.adapters import Branch
from continual_vqa.backbones.bank import BankBranch
from continual_vqa.config.tuning import BankTuning
from continual_vqa.errors import UserError
from oracles import atlas_reference as reference

D, W, HEADS = 12, 5, 3
ADAPTERS = (1, 2, 4)


def branch(seed: int, *, whole: bool = True, **options: object) -> BankBranch:
    tuning = BankTuning.model_validate({"width": W, "heads": HEADS, **options})
    made = BankBranch(
        Branch("net", D, whole), tuning, adapters=(*ADAPTERS, 5), asked=ADAPTERS, task=4
    ).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in made.parameters():
            tensor.copy_(torch.empty(tensor.shape).normal_(generator=generator))
    return made


def states(seed: int, samples: int = 2, tokens: int = 5) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1000 + seed)
    return torch.empty(samples, tokens, D, dtype=torch.float64).normal_(generator=generator)


def outputs(made: BankBranch, number: int, tokens: torch.Tensor) -> list[np.ndarray]:
    weights = made.state_dict()
    names = ("down.weight", "down.bias", "up.weight", "up.bias")
    own = [weights[f"adapters.{number}.{name}"].numpy() for name in names]
    return [reference.adapter(token, *own) for token in tokens.numpy()]


def expected(made: BankBranch, h: torch.Tensor, real: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Output (B, S, D) and weights (B, S, N) of the reference; `real` tokens in each sample."""
    weights = made.state_dict()
    out, alpha = np.zeros(h.shape), np.zeros((*h.shape[:2], len(ADAPTERS)))
    for b, tokens in enumerate(h):
        for place, number in enumerate(ADAPTERS):
            key, query = (weights[n].numpy() for n in (f"keys.{number}", f"queries.4-{number}"))
            adapted = outputs(made, number, tokens)
            for s, one in enumerate(adapted):
                seen = adapted[: real[b]] if made.whole else [one]
                found = reference.attention(query, seen, HEADS)
                alpha[b, s, place] = reference.weight(found, key)
                out[b, s] += alpha[b, s, place] * one
    return out, alpha


@given(seed=st.integers(0, 10_000), tokens=st.integers(1, 6), whole=st.booleans())
def test_output_and_weights_are_those_of_the_formulas(seed: int, tokens: int, whole: bool) -> None:
    made, h = branch(seed, whole=whole), states(seed, tokens=tokens)
    out, alpha = expected(made, h, [tokens, tokens])
    weights = made.weights(h).expand(-1, tokens, -1, -1)[..., 0]
    np.testing.assert_allclose(weights.detach().numpy(), alpha, atol=1e-9)
    np.testing.assert_allclose(made(h).detach().numpy(), out, rtol=1e-9, atol=1e-9)


def test_the_sum_is_not_normalised() -> None:
    made, h = branch(3), states(3)
    with torch.no_grad():
        for adapter in made.adapters.values():
            for tensor in adapter.parameters():
                tensor.zero_()
    total = made.weights(h).sum(2).detach()
    assert (total - 1).abs().min().item() > 0.05
    torch.testing.assert_close(made(h).detach(), total * h)


def test_scores_are_scaled_by_the_whole_width() -> None:
    made, h = branch(4), states(4)
    width = made.tuning.model_copy(update={"heads": 1})
    made.tuning = width
    weights = made.state_dict()
    query, key = weights["queries.4-2"].numpy(), weights["keys.2"].numpy()
    tokens = [query, *outputs(made, 2, h[0])]
    scores = np.array([query @ token for token in tokens]) / np.sqrt(D)
    shares = np.exp(scores - scores.max())
    found = (shares[:, None] * np.array(tokens)).sum(0) / shares.sum()
    assert made.weights(h)[0, 0, 1].item() == pytest.approx(reference.weight(found, key), abs=1e-9)


def test_single_precision_is_within_a_millionth_of_the_formulas() -> None:
    made, h = branch(5), states(5) / 4
    out, alpha = expected(made, h, [5, 5])
    single = made.float()(h.float())
    weights = made.weights(h.float())
    np.testing.assert_allclose(weights[:, 0, :, 0].detach().numpy(), alpha[:, 0], atol=1e-6)
    np.testing.assert_allclose(single.detach().numpy(), out, rtol=1e-6, atol=5e-6)


def test_padding_neither_is_looked_at_nor_matters() -> None:
    made, h = branch(6), states(6)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    out, _ = expected(made, h, [5, 3])
    np.testing.assert_allclose(made(h, mask).detach().numpy()[0], out[0], atol=1e-9)
    np.testing.assert_allclose(made(h, mask).detach().numpy()[1, :3], out[1, :3], atol=1e-9)
    torch.testing.assert_close(made(h[1:, :3]), made(h, mask)[1:, :3])


@given(seed=st.integers(0, 1000))
def test_a_token_that_comes_alone_is_treated_as_among_others(seed: int) -> None:
    made, h = branch(seed, whole=False), states(seed)
    alone = torch.cat([made(h[:, [s]]) for s in range(h.shape[1])], 1)
    torch.testing.assert_close(alone, made(h))


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("weights", ["scalar", "per_dimension", "uniform"])
def test_normalised_weights_sum_to_one(weights: str, whole: bool) -> None:
    made, h = branch(7, whole=whole, weights=weights, normalised=True), states(7)
    with torch.no_grad():
        for adapter in made.adapters.values():
            for tensor in adapter.parameters():
                tensor.zero_()
    torch.testing.assert_close(made(h), h)


@pytest.mark.parametrize("whole", [True, False])
def test_uniform_weights_give_the_mean_of_the_adapters(whole: bool) -> None:
    made, h = branch(8, whole=whole, weights="uniform"), states(8)
    mean = sum(np.array(outputs(made, n, h[0])) for n in ADAPTERS) / len(ADAPTERS)
    np.testing.assert_allclose(made(h)[0].detach().numpy(), mean, atol=1e-9)


@pytest.mark.parametrize("whole", [True, False])
def test_each_dimension_can_have_a_weight_of_its_own(whole: bool) -> None:
    made, h = branch(9, whole=whole, weights="per_dimension"), states(9)
    weights = made.weights(h)
    assert weights.shape[-1] == D
    assert 0 < weights.min().item() < weights.max().item() < 1
    total = torch.zeros_like(h[0])
    for place, number in enumerate(ADAPTERS):
        total += weights[0, :, place] * torch.from_numpy(np.array(outputs(made, number, h[0])))
    torch.testing.assert_close(made(h)[0], total)


def test_an_adapter_that_is_not_asked_does_not_matter() -> None:
    made, h = branch(10), states(10)
    before = made(h)
    with torch.no_grad():
        for tensor in (*made.adapters["5"].parameters(), made.keys["5"]):
            tensor.fill_(1e3)
    assert torch.equal(made(h), before)


def test_heads_divide_the_width() -> None:
    with pytest.raises(UserError, match="5 heads do not divide the width 12 of net"):
        branch(0, heads=5)
