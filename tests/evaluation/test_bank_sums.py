"""Sums over tokens tell the same as all tokens at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.evaluation.bank_sums import ChangeSums, WeightSums
from oracles.cka_reference import linear_cka

SEEDS = st.integers(0, 10_000)


def drawn(seed: int, *shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def summed(changes: torch.Tensor, pieces: int = 1) -> ChangeSums:
    """The sums of changes (T, N, D), whose every direction is a coordinate."""
    _, adapters, width = changes.shape
    sums = ChangeSums(torch.eye(width, dtype=changes.dtype).expand(adapters, -1, -1))
    for piece in changes.tensor_split(pieces):
        sums.add(piece)
    return sums


@given(seed=SEEDS, pieces=st.integers(1, 5))
def test_cka_and_cosine_are_those_of_the_definitions(seed: int, pieces: int) -> None:
    changes = drawn(seed, 12, 2, 4) + drawn(seed + 1, 2, 4)
    sums = summed(changes, pieces)
    x, y = changes.unbind(1)
    assert sums.cka(0, 1) == pytest.approx(linear_cka(x.numpy(), y.numpy()), abs=1e-9)
    cosines = torch.nn.functional.cosine_similarity(x, y, dim=1)
    assert sums.cosine(0, 1) == pytest.approx(float(cosines.mean()), abs=1e-12)
    assert sums.count == 12


@given(seed=SEEDS)
def test_equal_adapters_are_wholly_alike(seed: int) -> None:
    x = drawn(seed, 9, 1, 5)
    sums = summed(torch.cat([x, x], 1))
    assert sums.cka(0, 1) == pytest.approx(1, abs=1e-9)
    assert sums.cosine(0, 1) == pytest.approx(1, abs=1e-12)


@given(seed=SEEDS, scale=st.floats(0.01, 100))
def test_cka_does_not_see_rotations_scales_and_shifts(seed: int, scale: float) -> None:
    x, y = drawn(seed, 20, 4), drawn(seed + 1, 20, 4)
    rotation, _ = torch.linalg.qr(drawn(seed + 2, 4, 4))
    turned = scale * y @ rotation + drawn(seed + 3, 4)
    sums = summed(torch.stack([x, y, turned], 1))
    assert sums.cka(0, 2) == pytest.approx(sums.cka(0, 1), abs=1e-9)
    assert sums.cka(1, 2) == pytest.approx(1, abs=1e-9)
    assert sums.cka(0, 2) == pytest.approx(sums.cka(2, 0), abs=1e-12)


@given(seed=SEEDS)
def test_the_coordinates_in_which_an_adapter_writes_are_enough(seed: int) -> None:
    ups, inner, biases = drawn(seed, 3, 8, 2), drawn(seed + 1, 15, 3, 2), drawn(seed + 2, 3, 8)
    changes = torch.einsum("tnw,ndw->tnd", inner, ups) + biases
    few = ChangeSums(torch.linalg.qr(ups).Q)
    few.add(changes)
    every = summed(changes)
    for pair in ((0, 1), (0, 2), (1, 2), (1, 1)):
        assert few.cka(*pair) == pytest.approx(every.cka(*pair), abs=1e-9)
        assert few.cosine(*pair) == every.cosine(*pair)


def test_what_never_changes_anything_is_like_nothing() -> None:
    changes = torch.stack([drawn(0, 6, 4), torch.zeros(6, 4), torch.ones(6, 4) / 3], 1)
    sums = summed(changes, 3)
    assert math.isnan(sums.cosine(0, 1)) and math.isnan(sums.cka(0, 1))
    assert math.isnan(sums.cka(0, 2)) and not math.isnan(sums.cosine(0, 2))


@given(seed=SEEDS, pieces=st.integers(1, 9), shift=st.floats(-1e4, 1e4))
def test_mean_and_deviation_are_those_of_all_weights(seed: int, pieces: int, shift: float) -> None:
    weights = drawn(seed, 7, 3) + shift
    sums = WeightSums(3)
    for piece in weights.tensor_split(pieces):
        sums.add(piece)
    for adapter in range(3):
        own = weights[:, adapter].numpy()
        assert sums.mean(adapter) == pytest.approx(own.mean(), abs=1e-9)
        assert sums.deviation(adapter) == pytest.approx(own.std(), rel=1e-6)
    assert sums.count == 7


def test_no_weights_have_no_mean() -> None:
    assert math.isnan(WeightSums(2).mean(1)) and math.isnan(WeightSums(2).deviation(0))
