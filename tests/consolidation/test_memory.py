from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.consolidation.memory import choose, evenly

COUNTS = st.dictionaries(
    st.tuples(st.sampled_from(["count", "color", "type"]), st.sampled_from(["G1", "G2", "G3"])).map(
        lambda pair: f"train/{pair[0]}/{pair[1]}"
    ),
    st.integers(0, 30),
    min_size=1,
)


@given(st.integers(0, 200), st.lists(st.integers(0, 40), min_size=1, max_size=8))
def test_shares_are_as_equal_as_capacities_allow(total: int, capacities: list[int]) -> None:
    shares = evenly(total, capacities)
    assert sum(shares) == min(total, sum(capacities))
    for i, share in enumerate(shares):
        assert 0 <= share <= capacities[i]
        # Whoever could take more has at most one less than anybody else, never two.
        if share < capacities[i]:
            assert all(other <= share + 1 for other in shares)


@given(COUNTS, st.integers(1, 100), st.integers(0, 2**32))
def test_the_memory_is_full_or_everything_and_no_question_twice(
    counts: dict[str, int], size: int, seed: int
) -> None:
    kept = choose(counts, size, seed)
    assert kept.keys() == counts.keys()
    assert sum(map(len, kept.values())) == min(size, sum(counts.values()))
    for cell, numbers in kept.items():
        assert len(set(numbers.tolist())) == len(numbers)
        assert all(0 <= number < counts[cell] for number in numbers)


def test_what_a_task_keeps_later_is_part_of_what_it_kept_before() -> None:
    first = {f"train/color/G{g}": 50 for g in (1, 2)}
    both = {**first, **{f"train/count/G{g}": 50 for g in (1, 2)}}
    before, after = choose(first, 40, seed=3), choose(both, 40, seed=3)
    for cell in first:
        assert len(before[cell]) == 20
        np.testing.assert_array_equal(after[cell], before[cell][:10])


def test_the_seed_decides_which_questions_are_kept() -> None:
    counts = {"train/color/G1": 200}
    one, same, other = (choose(counts, 20, seed)["train/color/G1"].tolist() for seed in (1, 1, 2))
    assert one == same != other


def test_the_groups_of_a_task_share_equally_whatever_their_size() -> None:
    kept = choose({"train/color/G1": 500, "train/color/G2": 10, "train/count/G1": 500}, 60, 0)
    assert {cell: len(numbers) for cell, numbers in kept.items()} == {
        "train/color/G1": 20,
        "train/color/G2": 10,
        "train/count/G1": 30,
    }


@given(COUNTS, st.integers(1, 100))
def test_tasks_that_are_cells_share_equally_whatever_their_skill(
    counts: dict[str, int], size: int
) -> None:
    kept = choose(counts, size, 0, "cells")
    shares = [len(kept[cell]) for cell in counts]
    assert shares == evenly(size, list(counts.values()))


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8), st.integers(0, 200))
def test_a_smaller_total_takes_from_everybody_or_nobody_more(
    capacities: list[int], total: int
) -> None:
    more, less = evenly(total + 1, capacities), evenly(total, capacities)
    assert all(b <= a for a, b in zip(more, less, strict=True))


@given(
    st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=4), min_size=2, max_size=6),
    st.integers(1, 150),
    st.integers(0, 2**32),
)
def test_later_memories_are_parts_of_earlier_ones(
    sizes: list[list[int]], size: int, seed: int
) -> None:
    """Any number of tasks with groups of any size: logits that were stored stay enough."""
    cells = [
        {f"train/skill{t}/G{g}": count for g, count in enumerate(groups)}
        for t, groups in enumerate(sizes)
    ]
    counts: dict[str, int] = {}
    before: dict[str, np.ndarray] = {}
    for task in cells:
        counts |= task
        kept = choose(counts, size, seed)
        for cell, numbers in before.items():
            np.testing.assert_array_equal(kept[cell], numbers[: len(kept[cell])])
            assert len(kept[cell]) <= len(numbers)
        before = kept
