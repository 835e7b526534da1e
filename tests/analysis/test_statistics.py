import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.analysis.statistics import (
    NO_INTERVAL,
    SEEDS,
    bootstrap_task,
    over_seeds,
    paired_difference,
    percentile_interval,
    student_t,
)

VALUES = st.lists(st.floats(-100, 100), min_size=2, max_size=10)


# From the published tables of Student's t (two-sided 95 % and 99 %).
@pytest.mark.parametrize(
    ("level", "freedom", "t"),
    [
        (0.95, 1, 12.706),
        (0.95, 2, 4.303),
        (0.95, 3, 3.182),
        (0.95, 4, 2.776),
        (0.95, 9, 2.262),
        (0.95, 30, 2.042),
        (0.99, 1, 63.657),
        (0.99, 5, 4.032),
        (0.99, 120, 2.617),
    ],
)
def test_student_t_of_the_tables(level, freedom, t):
    assert student_t(level, freedom) == pytest.approx(t, abs=5e-4)


def test_a_known_interval():
    estimate = over_seeds([1.0, 2.0, 3.0, math.nan])
    assert (estimate.mean, estimate.count, estimate.interval) == (2.0, 3, SEEDS)
    assert estimate.half_width == pytest.approx(4.302653 / math.sqrt(3), abs=1e-5)


def test_one_seed_or_none_has_no_interval():
    one, none = over_seeds([5.0]), over_seeds([math.nan])
    assert (one.mean, one.interval) == (5.0, NO_INTERVAL) and math.isnan(one.low)
    assert math.isnan(none.mean) and none.count == 0


@given(VALUES, st.randoms(use_true_random=False))
def test_order_of_the_seeds_does_not_matter(values, random):
    shuffled = list(values)
    random.shuffle(shuffled)
    assert over_seeds(values) == over_seeds(shuffled)
    estimate = over_seeds(values)
    assert estimate.low <= estimate.mean <= estimate.high


@given(VALUES, st.floats(-100, 100))
def test_a_constant_paired_difference_has_no_spread(values, shift):
    estimate = paired_difference([v + shift for v in values], values)
    assert estimate.mean == pytest.approx(shift, abs=1e-9)
    assert estimate.half_width == pytest.approx(0, abs=1e-9)


def test_pairs_must_match():
    with pytest.raises(ValueError, match="2 values cannot be paired with 1"):
        paired_difference([1, 2], [1])


def test_bootstrap_matches_the_standard_error_and_keeps_steps_paired():
    rng = np.random.default_rng(0)
    first = (rng.random(400) < 0.3).astype(float)
    means = bootstrap_task(np.stack([first, 1 - first], axis=1), 2000, np.random.default_rng(1))
    assert means.shape == (2000, 2)
    np.testing.assert_allclose(means.sum(axis=1), 1)
    assert means[:, 0].std() == pytest.approx(first.std() / 20, rel=0.1)
    low, high = percentile_interval(means[:, 0])
    assert low < first.mean() < high


def test_bootstrap_is_reproducible_and_in_blocks_the_same_size():
    values = np.linspace(0, 1, 30)[:, None]
    one, two = (bootstrap_task(values, 50, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_an_undefined_value_has_no_percentiles():
    assert all(map(math.isnan, percentile_interval(np.array([1.0, math.nan]))))
