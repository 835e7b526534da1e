"""Merging updates B·A: the stacked factors are the exact sum, the cut is the best of its rank."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from continual_vqa.consolidation.merging.low_rank import Factors, combine, refactor

SHAPE = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.integers(1, 4))
WEIGHTS = [0.5, 0.25, 1.0, -0.75]


def factors(out: int, width: int, rank: int, count: int, seed: int = 0):
    """`count` pairs of B and A."""
    numbers = np.random.default_rng(seed)
    b = [numbers.standard_normal((out, rank)) for _ in range(count)]
    a = [numbers.standard_normal((rank, width)) for _ in range(count)]
    return b, a


def summed(weights, b, a) -> np.ndarray:
    """The dense update that the factors stand for."""
    return sum(w * (y @ x) for w, y, x in zip(weights, b, a, strict=True))


def best(dense: np.ndarray, rank: int) -> tuple[np.ndarray, float]:
    """By Eckart and Young: the best approximation and its relative error."""
    u, s, vt = np.linalg.svd(dense, full_matrices=False)
    norm = np.linalg.norm(s)
    return (u[:, :rank] * s[:rank]) @ vt[:rank], np.linalg.norm(s[rank:]) / norm if norm else 0.0


def check(found: Factors, dense: np.ndarray, rank: int, error: float) -> None:
    expected, least = best(dense, rank)
    scale = np.linalg.norm(dense) + 1e-9
    assert found.b.shape == (dense.shape[0], rank) and found.a.shape == (rank, dense.shape[1])
    assert np.linalg.norm(found.b @ found.a - expected) <= error * scale
    assert found.error == pytest.approx(least, abs=error)
    assert found.norm == pytest.approx(np.linalg.norm(dense))


@given(shape=SHAPE)
def test_before_the_cut_it_is_the_exact_sum(shape) -> None:
    out, width, rank, count = shape
    b, a = factors(*shape)
    everything = rank * count
    found = combine(WEIGHTS[:count], b, a, everything, np.zeros((everything, width)))
    dense = summed(WEIGHTS[:count], b, a)
    np.testing.assert_allclose(found.b @ found.a, dense, rtol=0, atol=1e-12 * everything * out)
    assert found.error < 1e-12


@given(shape=SHAPE)
def test_the_cut_is_the_best_of_its_rank(shape) -> None:
    _, width, rank, count = shape
    b, a = factors(*shape)
    dense = summed(WEIGHTS[:count], b, a)
    spare = np.zeros((rank, width))
    check(combine(WEIGHTS[:count], b, a, rank, spare), dense, rank, 1e-9)
    # Through squares half of the digits are lost.
    check(refactor(dense.astype(np.float32), rank, spare), dense, rank, 3e-6)


@settings(max_examples=30)
@given(shape=SHAPE)
def test_the_split_is_even_and_its_signs_are_fixed(shape) -> None:
    _, width, rank, count = shape
    b, a = factors(*shape)
    dense = summed(WEIGHTS[:count], b, a)
    for found in (
        combine(WEIGHTS[:count], b, a, rank, np.zeros((rank, width))),
        refactor(dense, rank, np.zeros((rank, width))),
    ):
        np.testing.assert_allclose(
            np.linalg.norm(found.b, axis=0), np.linalg.norm(found.a, axis=1), rtol=1e-6, atol=1e-9
        )
        extreme = found.b[np.abs(found.b).argmax(axis=0), np.arange(rank)]
        assert (extreme >= 0).all()


def test_other_factors_of_the_same_update_give_the_same() -> None:
    (b,), (a,) = factors(7, 6, 3, 1)
    turn = np.array([[1, 2, 0], [0, -1, 1], [3, 0, 1.0]])
    one = combine([1], [b], [a], 3, a)
    other = combine([1], [b @ turn], [np.linalg.inv(turn) @ a], 3, a)
    np.testing.assert_allclose(one.b, other.b, atol=1e-9)
    np.testing.assert_allclose(one.a, other.a, atol=1e-9)


@pytest.mark.parametrize("through", ["stacked", "dense"])
def test_a_direction_without_weight_can_still_be_trained(through: str) -> None:
    (b,), (a,) = factors(7, 6, 3, 1)
    b[:, 1:] = 0
    spare = factors(7, 6, 3, 1, seed=1)[1][0]
    found = combine([1], [b], [a], 3, spare) if through == "stacked" else refactor(b @ a, 3, spare)
    np.testing.assert_allclose(found.b @ found.a, b @ a, atol=1e-9)
    assert not found.b[:, 1:].any()
    assert np.array_equal(found.a[1:], spare[1:])


def test_no_update_at_all() -> None:
    spare = np.ones((2, 5))
    for found in (
        combine([1], [np.zeros((4, 2))], [np.ones((2, 5))], 2, spare),
        refactor(np.zeros((4, 5)), 2, spare),
    ):
        assert not found.b.any() and np.array_equal(found.a, spare)
        assert (found.error, found.norm) == (0.0, 0.0)
