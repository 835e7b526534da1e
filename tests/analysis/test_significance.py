from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.analysis import significance
from continual_vqa.analysis.significance import effect_size, holm, sign_flip_p

# Of eighths: sums are exact.
VALUES = st.lists(st.integers(-40, 40).map(lambda n: n / 8), min_size=1, max_size=8)
PROBABILITIES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(VALUES)
def test_all_signs_are_counted(values: list[float]) -> None:
    sums = [
        sum(sign * value for sign, value in zip(signs, values, strict=True))
        for signs in itertools.product((1, -1), repeat=len(values))
    ]
    expected = sum(abs(each) >= abs(sum(values)) for each in sums) / len(sums)
    assert sign_flip_p(values) == pytest.approx(expected)


def test_three_seeds_that_agree_are_no_proof() -> None:
    assert sign_flip_p([5.0, 6.0, 7.0]) == 2 / 2**3


def test_many_pairs_are_drawn_and_agree_with_the_exact_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = np.random.default_rng(1).normal(0.4, 1, 14).tolist()
    exact = sign_flip_p(values)
    monkeypatch.setattr(significance, "EXACT", 3)
    assert sign_flip_p(values) == pytest.approx(exact, abs=0.01)
    assert sign_flip_p(values) == sign_flip_p(values)


def test_no_difference_is_certain_chance() -> None:
    assert sign_flip_p([0.0] * 30) == 1
    assert math.isnan(sign_flip_p([]))
    assert math.isnan(sign_flip_p([1.0, math.nan]))


def test_holm_as_in_its_paper() -> None:
    """Example: 0.01, 0.04, 0.03, 0.005 of four tests."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(PROBABILITIES)
def test_holm_raises_keeps_the_order_and_stays_below_bonferroni(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    for p, q in zip(p_values, adjusted, strict=True):
        assert p <= q <= 1
        assert q <= p * len(p_values) * (1 + 1e-12)
    order = np.argsort(p_values, kind="stable")
    assert np.all(np.diff(np.array(adjusted)[order]) >= 0)


def test_undefined_p_values_do_not_count() -> None:
    adjusted = holm([0.02, math.nan, 0.03])
    assert adjusted[0] == 0.04
    assert math.isnan(adjusted[1])


def test_effect_size_is_in_standard_deviations() -> None:
    assert effect_size([1.0, 2.0, 3.0]) == 2
    assert math.isnan(effect_size([1.0]))
    assert math.isnan(effect_size([2.0, 2.0]))


@given(VALUES.filter(lambda v: len(v) > 1), st.floats(0.1, 10))
def test_effect_size_has_no_unit(values: list[float], unit: float) -> None:
    scaled = effect_size([value * unit for value in values])
    assert scaled == pytest.approx(effect_size(values), rel=1e-6, nan_ok=True)
