from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from continual_vqa.consolidation.herding import herding_order
from continual_vqa.consolidation.memory import choose

FEATURES = st.tuples(st.integers(0, 12), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.floats(-50, 50, width=32))
)


def by_definition(features: np.ndarray, count: int) -> list[int]:
    """Algorithm 4 of iCaRL, written out."""
    goal, chosen = features.mean(axis=0), []
    for _ in range(count):
        rest = [n for n in range(len(features)) if n not in chosen]
        away = {n: np.linalg.norm(goal - features[[*chosen, n]].mean(axis=0)) for n in rest}
        chosen.append(min(rest, key=away.__getitem__))
    return chosen


def test_it_chooses_as_the_paper_does() -> None:
    features = np.random.default_rng(0).normal(size=(30, 5))
    assert herding_order(features, 12).tolist() == by_definition(features, 12)


@given(FEATURES, st.integers(0, 15))
def test_every_question_once_as_many_as_there_are(features: np.ndarray, count: int) -> None:
    order = herding_order(features, count)
    assert len(order) == min(count, len(features))
    assert len(set(order.tolist())) == len(order)
    assert all(0 <= number < len(features) for number in order)


@given(FEATURES, st.integers(0, 8), st.integers(0, 8))
def test_fewer_are_the_beginning_of_more(features: np.ndarray, a: int, b: int) -> None:
    less, more = sorted((a, b))
    assert herding_order(features, less).tolist() == herding_order(features, more)[:less].tolist()


def test_the_first_is_the_one_nearest_to_the_mean_and_of_equals_the_first() -> None:
    features = np.array([[0.0], [4.0], [5.0], [5.0], [11.0]])
    assert herding_order(features, 1).tolist() == [2]


def test_the_mean_of_few_is_nearer_than_that_of_as_many_by_chance() -> None:
    rng = np.random.default_rng(1)
    features = rng.normal(size=(200, 8))
    goal = features.mean(axis=0)
    herded = features[herding_order(features, 10)].mean(axis=0)
    drawn = [features[rng.choice(200, 10, False)].mean(axis=0) for _ in range(50)]
    assert np.linalg.norm(herded - goal) < min(np.linalg.norm(d - goal) for d in drawn)


def test_a_memory_keeps_the_first_of_an_order() -> None:
    counts = {"train/color/G1": 6, "train/color/G2": 3}
    orders = {"train/color/G1": np.array([5, 0, 3, 1]), "train/color/G2": np.array([2, 1, 0])}
    kept = choose(counts, 4, 0, "skills", orders)
    assert {cell: numbers.tolist() for cell, numbers in kept.items()} == {
        "train/color/G1": [5, 0],
        "train/color/G2": [2, 1],
    }
