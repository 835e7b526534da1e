"""Orders and held-out groups."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.errors import UserError
from continual_vqa.plan.streams import group_order, make_stream, order_skills

SKILLS = ("recognition", "location", "count", "color")
GROUPS = ("G1", "G2", "G3")


def test_published_and_reversed() -> None:
    assert order_skills("published", SKILLS) == SKILLS
    assert order_skills("reversed", SKILLS) == SKILLS[::-1]


@given(st.integers(0, 10_000))
def test_a_permutation_keeps_every_skill_and_is_always_the_same(number: int) -> None:
    order = order_skills(f"permutation-{number}", SKILLS)
    assert sorted(order) == sorted(SKILLS)
    assert order == order_skills(f"permutation-{number}", SKILLS)


def test_permutations_differ() -> None:
    assert len({order_skills(f"permutation-{n}", SKILLS) for n in range(50)}) > 10


@pytest.mark.parametrize("name", ["random", "permutation-", "permutation-x", ""])
def test_an_unknown_order_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="unknown order"):
        order_skills(name, SKILLS)


@pytest.mark.parametrize("held_out", GROUPS)
def test_a_held_out_group_is_trained_in_the_first_task_only(held_out: str) -> None:
    stream = make_stream("published", held_out, SKILLS, GROUPS)
    assert stream.tasks[0].groups == GROUPS
    assert all(held_out not in task.groups for task in stream.tasks[1:])
    assert stream.test_groups == GROUPS
    assert stream.name == f"published-novel-{held_out}"


@given(st.integers(0, 1000), st.sampled_from(SKILLS))
def test_group_order_is_a_permutation_fixed_by_seed_and_task(seed: int, task: str) -> None:
    order = group_order(GROUPS, task, seed)
    assert sorted(order) == sorted(GROUPS)
    assert order == group_order(GROUPS, task, seed)
