"""The k largest by radix select are those of a stable sort, whatever the values and the blocks."""

from __future__ import annotations

import math
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.consolidation import select
from continual_vqa.consolidation.select import Entries, cut, top_set

VALUES = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 1e-45, -1e-45, 1e-40, 3.4028235e38, -3.4028235e38, -2.5]),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
)
TENSORS = st.lists(st.lists(VALUES, max_size=12), min_size=1, max_size=5).map(
    lambda lists: [np.array(values, np.float32) for values in lists]
)
# Small limits drive every path with small inputs.
LIMITS = st.fixed_dictionaries(
    {"BLOCK": st.sampled_from([1, 3, 1 << 17]), "SAMPLE": st.sampled_from([1, 4, 1 << 19])}
)


def largest(values: np.ndarray, k: int) -> np.ndarray:
    """By definition: the first k in descending order, the earlier of equals first."""
    expected = np.zeros(values.size, bool)
    expected[np.argsort(-values.reshape(-1), kind="stable")[:k]] = True
    return expected


@given(tensors=TENSORS, share=st.floats(0, 1), limits=LIMITS)
def test_the_set_is_that_of_a_stable_sort(
    tensors: list[np.ndarray], share: float, limits: dict[str, int]
) -> None:
    flat = np.concatenate(tensors)
    k = round(share * flat.size)
    with patch.multiple(select, **limits):
        found = top_set(tensors, k)
        where = cut(Entries(dict(enumerate(tensors))), k)
    assert np.array_equal(np.concatenate(found), largest(flat, k))
    assert [mask.shape for mask in found] == [tensor.shape for tensor in tensors]
    if k:
        assert where.threshold == np.sort(flat)[flat.size - k]
        assert where.above == np.count_nonzero(flat > where.threshold)
        assert where.above + where.ties == k
    else:
        assert where.threshold == math.inf


@given(tensors=TENSORS, count=st.integers(1, 400), share=st.floats(0, 1))
def test_entries_are_means_in_float32(tensors: list[np.ndarray], count: int, share: float) -> None:
    sums = [np.abs(tensor) for tensor in tensors]
    means = [tensor / np.float32(count) for tensor in sums]
    k = round(share * sum(map(len, tensors)))
    one, other = (
        cut(Entries(dict(enumerate(arrays))), k)
        if arrays is means
        else cut(Entries(dict(enumerate(arrays)), count=count), k)
        for arrays in (means, sums)
    )
    assert one == other


def test_names_choose_and_order() -> None:
    arrays = {"b": np.ones(2, np.float32), "a": np.ones(2, np.float32), "c": np.ones(9, np.float32)}
    entries = Entries(arrays, ["a", "b"])
    chosen = dict(select.chosen(entries, cut(entries, 3)))
    assert {name: mask.tolist() for name, mask in chosen.items()} == {
        "a": [True, True],
        "b": [True, False],
    }


@pytest.mark.parametrize("k", [-1, 3])
def test_more_than_there_are_cannot_be_chosen(k: int) -> None:
    with pytest.raises(ValueError, match=f"cannot choose {k} of 2"):
        top_set([np.ones(2, np.float32)], k)


@pytest.mark.parametrize("kind", ["squares", "zeros", "sorted", "misleading"])
def test_beyond_sixteen_million_entries(kind: str) -> None:
    n = (1 << 24) + 3
    values = np.random.default_rng(1).standard_normal(n, np.float32) ** 2
    match kind:
        case "zeros":
            values[values < 0.5] = 0
        case "sorted":
            values.sort()
        case "misleading":
            values[:: n // select.SAMPLE] = 1e30
    parts = [values[: 1 << 20].reshape(1024, 1024), values[1 << 20 : -5], values[-5:]]
    for k in (1, n // 1000, n // 2 + 1, n):
        where = cut(Entries(dict(enumerate(parts))), k)
        assert np.float32(where.threshold) == np.partition(values, n - k)[n - k]
        assert where.above == np.count_nonzero(values > where.threshold)
        assert where.above + where.ties == k


def test_other_numbers_are_no_entries() -> None:
    with pytest.raises(TypeError, match="float64, not float32"):
        top_set([np.ones(2)], 1)  # type: ignore[list-item]
