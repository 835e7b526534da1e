import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.analysis.continual_metrics import (
    accuracy_over_steps,
    average_accuracy,
    average_forgetting,
    backward_transfer,
    forgetting,
    learning_accuracy,
    metrics,
)

PERCENT = st.floats(0, 100, allow_nan=False)


@st.composite
def lower_triangles(draw, smallest=1):
    """Matrices of tasks seen so far: NaN above the diagonal."""
    size = draw(st.integers(smallest, 7))
    values = draw(st.lists(PERCENT, min_size=size * size, max_size=size * size))
    matrix = np.array(values).reshape(size, size)
    matrix[np.triu_indices(size, 1)] = np.nan
    return matrix


def test_a_worked_example():
    nan = math.nan
    matrix = np.array([[90, nan, nan], [70, 80, nan], [40, 60, 85]])
    assert average_accuracy(matrix) == pytest.approx(185 / 3)
    assert forgetting(matrix).tolist() == [50, 20]
    assert average_forgetting(matrix) == 35
    assert backward_transfer(matrix) == -35
    assert learning_accuracy(matrix) == 85
    assert accuracy_over_steps(matrix).tolist() == pytest.approx([90, 75, 185 / 3])


def test_forgetting_looks_for_the_best_earlier_step_and_bwt_for_the_own_one():
    matrix = np.array([[50.0, math.nan, math.nan], [70, 80, math.nan], [60, 90, 85]])
    assert forgetting(matrix).tolist() == [10, -10]
    assert backward_transfer(matrix) == 10


@given(lower_triangles())
def test_ranges(matrix):
    values = metrics(matrix)
    assert 0 <= values["AP"] <= 100
    assert 0 <= values["learning_accuracy"] <= 100
    assert (accuracy_over_steps(matrix) >= 0).all()
    assert accuracy_over_steps(matrix)[-1] == pytest.approx(values["AP"])
    if len(matrix) > 1:
        assert -100 <= values["AF"] <= 100
        # The best earlier accuracy is at least that right after learning.
        assert values["AF"] >= -values["BWT"] - 1e-9
    else:
        assert math.isnan(values["AF"]) and math.isnan(values["BWT"])


@given(st.lists(PERCENT, min_size=2, max_size=7))
def test_nothing_is_forgotten_when_nothing_changes(accuracies):
    matrix = np.tile(accuracies, (len(accuracies), 1)).astype(float)
    assert average_forgetting(matrix) == 0
    assert backward_transfer(matrix) == 0
    assert learning_accuracy(matrix) == pytest.approx(average_accuracy(matrix))


@given(lower_triangles(smallest=2), st.floats(-50, 50))
def test_a_shift_of_all_accuracies_moves_levels_and_no_differences(matrix, shift):
    before, after = metrics(matrix), metrics(matrix + shift)
    for name in ("AP", "learning_accuracy"):
        assert after[name] == pytest.approx(before[name] + shift, abs=1e-9)
    for name in ("AF", "BWT"):
        assert after[name] == pytest.approx(before[name], abs=1e-9)


@given(lower_triangles(smallest=3), st.randoms(use_true_random=False))
def test_the_last_row_alone_gives_ap(matrix, random):
    last = matrix[-1].copy()
    random.shuffle(last)
    values = metrics(last[None])
    assert values["AP"] == pytest.approx(average_accuracy(matrix))
    assert all(math.isnan(values[name]) for name in ("AF", "BWT", "learning_accuracy"))


def test_a_task_that_no_earlier_step_tested_has_no_forgetting():
    matrix = np.array([[math.nan, math.nan], [10, 20]])
    assert math.isnan(average_forgetting(matrix))


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="2 steps x 3 tasks"):
        metrics(np.zeros((2, 3)))
