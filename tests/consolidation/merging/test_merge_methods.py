"""Every method agrees with its plain reference, on any entries and whatever the blocks."""

from __future__ import annotations

from typing import get_args
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consolidation.merging.merge_world import config, stack
from continual_vqa.config import merge as blocks
from continual_vqa.consolidation.merging import magnitudes
from continual_vqa.consolidation.merging import stack as stacks
from continual_vqa.consolidation.merging.dare import kept
from continual_vqa.consolidation.merging.methods import METHODS
from continual_vqa.consolidation.merging.ties import disjoint_mean, kept_entries
from oracles import merging_reference

KINDS = [
    get_args(b.model_fields["kind"].annotation)[0]
    for b in get_args(get_args(blocks.MergeConfig)[0])
]
# Multiples of 1/8: sums and differences are exact, and many entries are equal.
ENTRY = st.integers(-24, 24).map(lambda n: n / 8)
TENSORS = st.integers(1, 20).flatmap(
    lambda n: st.lists(st.lists(ENTRY, min_size=n, max_size=n), min_size=2, max_size=5)
)
DENSITY = st.sampled_from([0.01, 0.1, 0.2, 0.5, 0.8, 1.0])
SCALE = st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0])


def arrays(lists) -> list[np.ndarray]:
    return [np.array(each, np.float32) for each in lists]


def merged(
    base, inputs, tasks: int | None = None, block: int = 1 << 16, held: int = 4, **fields
) -> np.ndarray:
    """The merge of one tensor, block by block."""
    if len(inputs) > 2:
        fields = {"of": "all", **fields}
    tensor, block_config = stack(base, inputs), config(**fields)
    with patch.object(stacks, "BLOCK", block), patch.object(magnitudes, "HELD", held):
        step = METHODS[block_config.kind].prepare(tensor, block_config, tasks or len(inputs))
        found = [step(each) for each in tensor.blocks(0, tensor.size)]
    return np.concatenate(found) if found else np.empty(0, np.float32)


def close(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_every_kind_has_a_method() -> None:
    assert list(METHODS) == KINDS


@given(lists=TENSORS, scale=SCALE, block=st.sampled_from([1, 7, 1 << 16]))
def test_task_arithmetic(lists, scale: float, block: int) -> None:
    base, *inputs = arrays(lists)
    found = merged(base, inputs, block=block, kind="task_arithmetic", scale=scale)
    close(found, merging_reference.task_arithmetic(base, inputs, scale))


@settings(max_examples=50)
@given(
    lists=TENSORS,
    density=DENSITY,
    scale=SCALE,
    block=st.sampled_from([5, 1 << 16]),
    held=st.sampled_from([0, 1 << 21]),
)
def test_ties(lists, density: float, scale: float, block: int, held: int) -> None:
    base, *inputs = arrays(lists)
    fields = {"kind": "ties", "density": density, "scale": scale}
    found = merged(base, inputs, block=block, held=held, **fields)
    expected = merging_reference.ties(base.tolist(), [x.tolist() for x in inputs], density, scale)
    close(found, expected)


@given(lists=TENSORS, scale=SCALE, block=st.sampled_from([1, 7, 1 << 16]))
def test_magmax(lists, scale: float, block: int) -> None:
    base, *inputs = arrays(lists)
    found = merged(base, inputs, block=block, kind="magmax", scale=scale)
    close(found, merging_reference.magmax(base, inputs, scale))


@given(lists=TENSORS, density=DENSITY, scale=SCALE, seed=st.integers(0, 3), block=st.integers(1, 9))
def test_dare(lists, density: float, scale: float, seed: int, block: int) -> None:
    base, *inputs = arrays(lists)
    fields = {"kind": "dare", "density": density, "scale": scale, "seed": seed}
    masks = [kept(seed, "x", index, 0, len(base), density) for index in range(len(inputs))]
    found = merged(base, inputs, block=block, **fields)
    close(found, merging_reference.dare(base, inputs, masks, density, scale))
    assert np.array_equal(found, merged(base, inputs, **fields))


@given(seed=st.integers(0, 9), start=st.integers(0, 40), length=st.integers(0, 40))
def test_what_dare_drops_depends_on_the_place_alone(seed: int, start: int, length: int) -> None:
    whole = kept(seed, "x", 1, 0, 80, 0.5)
    assert np.array_equal(kept(seed, "x", 1, start, start + length, 0.5), whole[start:][:length])


def test_what_dare_drops_differs_between_seeds_names_and_inputs() -> None:
    masks = [
        kept(*key, 0, 4000, 0.3) for key in ((0, "x", 0), (1, "x", 0), (0, "y", 0), (0, "x", 1))
    ]
    assert all(abs(mask.mean() - 0.3) < 0.03 for mask in masks)
    for one in range(4):
        for other in range(one):
            assert abs((masks[one] & masks[other]).mean() - 0.09) < 0.03
    assert kept(0, "x", 0, 0, 4000, 1.0).all()
    # The draws are part of results: they must not change between versions or machines.
    assert np.flatnonzero(masks[0])[:8].tolist() == [7, 8, 14, 16, 17, 23, 26, 29]


@given(lists=TENSORS, tasks=st.integers(1, 9))
def test_linear_combinations(lists, tasks: int) -> None:
    inputs = arrays(lists)
    close(merged(inputs[0], inputs, kind="average"), np.mean(inputs, axis=0, dtype=np.float64))
    one, two = inputs[:2]
    share = 1 / tasks
    close(merged(one, [one, two], tasks, kind="running"), (1 - share) * one + share * two)
    close(merged(one, [one, two], kind="linear", coefficient=0.3), 0.7 * one + 0.3 * two)


FLOAT = st.floats(-(2.0**100), 2.0**100, width=32)


@given(
    values=st.lists(FLOAT, min_size=1, max_size=9), count=st.integers(1, 7), tasks=st.integers(1, 9)
)
def test_equals_are_their_own_merge(values: list[float], count: int, tasks: int) -> None:
    x = np.array(values, np.float32)
    equal = [x.copy() for _ in range(count)]
    assert np.array_equal(merged(x, equal, kind="average"), x)
    for fields in ({"kind": "running"}, {"kind": "linear", "coefficient": 0.3}):
        assert np.array_equal(merged(x, equal[:2], tasks, **fields), x)


@given(lists=TENSORS, scale=SCALE)
def test_equals_move_by_the_scale(lists, scale: float) -> None:
    base, x, *_ = arrays(lists)
    expected = base + scale * (x - base)
    for fields in ({"kind": "ties", "density": 1.0}, {"kind": "magmax"}):
        close(merged(base, [x, x, x], scale=scale, **fields), expected)
    close(merged(base, [x], scale=scale, kind="task_arithmetic"), expected)


@given(lists=TENSORS)
def test_the_ends_of_a_linear_merge_are_exact(lists) -> None:
    one, two = (x / np.float32(3) for x in arrays(lists)[:2])
    assert np.array_equal(merged(one, [one, two], kind="linear", coefficient=0), one)
    assert np.array_equal(merged(one, [one, two], kind="linear", coefficient=1), two)
    assert np.array_equal(merged(one, [one, two], 1, kind="running"), two)


@given(lists=TENSORS)
def test_a_running_merge_after_every_task_is_the_average(lists) -> None:
    inputs = arrays(lists)
    deployed = inputs[0]
    for task, trained in enumerate(inputs[1:], 2):
        deployed = merged(deployed, [deployed, trained], task, kind="running")
    close(deployed, merged(inputs[0], inputs, kind="average"))


@settings(max_examples=20)
@given(lists=TENSORS)
def test_the_order_of_two_does_not_matter(lists) -> None:
    base, one, *_ = arrays(lists)
    for kind in ("average", "task_arithmetic", "ties"):
        both = merged(base, [one, base], kind=kind), merged(base, [base, one], kind=kind)
        assert np.array_equal(*both)


@pytest.mark.parametrize(
    ("size", "density", "count"),
    [
        (0, 0.2, 0),
        (1, 0.2, 1),
        (4, 0.01, 1),
        (10, 0.25, 2),
        (10, 0.2, 2),
        (7, 1.0, 7),
        (100, 0.29, 29),
    ],
)
def test_how_many_ties_keeps(size: int, density: float, count: int) -> None:
    assert kept_entries(size, density) == count


def test_many_inputs_agree_on_more_than_a_byte_counts() -> None:
    trimmed = [np.ones(2, np.float32)] * 300
    assert disjoint_mean(trimmed).tolist() == [1.0, 1.0]


def test_a_zero_sum_elects_plus() -> None:
    trimmed = [np.array([2.0, -1], np.float32), np.array([-2.0, 1], np.float32)]
    assert disjoint_mean(trimmed).tolist() == [2.0, 1.0]


def test_ties_of_a_real_size_keeps_exactly_the_largest() -> None:
    numbers = np.random.default_rng(5)
    base = numbers.standard_normal(300_000, np.float32)
    x = base + np.round(numbers.standard_normal(base.size, np.float32), 3)
    found = merged(base, [x], kind="ties", density=0.2, block=1 << 16)
    order = np.argsort(-np.abs(x - base), kind="stable")
    chosen = np.zeros(base.size, bool)
    chosen[order[:60_000]] = True
    close(found, np.where(chosen, x, base))
