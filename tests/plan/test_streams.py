"""Tasks, orders and held-out groups."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.config.orders import Similarity
from continual_vqa.config.tasks import TaskKind, belongs
from continual_vqa.errors import UserError
from continual_vqa.plan.streams import Stream, group_order, make_stream

SKILLS = ("recognition", "location", "count", "color")
GROUPS = ("G1", "G2", "G3")
KINDS: st.SearchStrategy[TaskKind] = st.sampled_from(get_args(TaskKind))


def names(order: str, **options) -> list[str]:
    return [task.name for task in make_stream(order, "none", SKILLS, GROUPS, **options).tasks]


def measured(tasks: list[str], draw) -> Similarity:
    """Any symmetric similarity of `tasks`, of few values so that equals occur."""
    value = st.sampled_from([0.0, 0.25, 0.5, 1.0])
    rows = [[1.0] * len(tasks) for _ in tasks]
    for a in range(len(tasks)):
        for b in range(a):
            rows[a][b] = rows[b][a] = draw(value)
    return Similarity(
        split="train",
        tasks="any",
        names=tuple(tasks),
        questions=(1,) * len(tasks),
        similarity=tuple(map(tuple, rows)),
    )


def test_published_and_reversed() -> None:
    assert names("published") == list(SKILLS)
    assert names("reversed") == list(SKILLS[::-1])


@given(KINDS, st.integers(0, 2), st.sampled_from(["reversed", "permutation"]), st.integers(0, 99))
def test_every_order_is_a_permutation_and_always_the_same(
    kind: TaskKind, relabelings: int, order: str, number: int
) -> None:
    order = order if order == "reversed" else f"{order}-{number}"
    found = names(order, tasks=kind, relabelings=relabelings)
    assert sorted(found) == sorted(names("published", tasks=kind, relabelings=relabelings))
    assert found == names(order, tasks=kind, relabelings=relabelings)


@given(st.data(), KINDS)
def test_a_chain_always_takes_the_most_similar_task_left(data, kind: TaskKind) -> None:
    tasks = names("published", tasks=kind)
    similarity = measured(tasks, data.draw)
    rows = similarity.among(tasks)
    pairs = [rows[a][b] for a in range(len(tasks)) for b in range(a)]
    for order, best in (("similar-first", max), ("dissimilar-first", min)):
        found = names(order, tasks=kind, similarity=similarity)
        assert sorted(found) == sorted(tasks)
        places = [tasks.index(name) for name in found]
        assert rows[places[0]][places[1]] == best(pairs)
        for step, (before, after) in enumerate(pairwise(places), start=1):
            left = sorted(places[step:])
            assert rows[before][after] == best(rows[before][other] for other in left)
            equal = [other for other in left if rows[before][other] == rows[before][after]]
            assert after == equal[0]


def test_a_chain_by_hand() -> None:
    similarity = Similarity(
        split="train",
        tasks="skills",
        names=("color", "count", "location", "recognition", "unused"),
        questions=(1, 1, 1, 1, 1),
        similarity=(
            (1.0, 0.9, 0.2, 0.3, 0.0),
            (0.9, 1.0, 0.5, 0.4, 0.0),
            (0.2, 0.5, 1.0, 0.1, 0.0),
            (0.3, 0.4, 0.1, 1.0, 0.0),
            (0.0, 0.0, 0.0, 0.0, 1.0),
        ),
    )
    similar = names("similar-first", similarity=similarity)
    # The pair count and color is the most similar; count was published first.
    assert similar == ["count", "color", "recognition", "location"]
    dissimilar = names("dissimilar-first", similarity=similarity)
    assert dissimilar == ["recognition", "location", "color", "count"]


def test_a_chain_without_its_measurement_names_the_tasks() -> None:
    with pytest.raises(UserError, match=r"needs the similarity of recognition.*continual-vqa sim"):
        names("similar-first")


def test_permutations_differ() -> None:
    assert len({tuple(names(f"permutation-{n}")) for n in range(50)}) > 10


def test_more_relabelings_go_on_where_fewer_end() -> None:
    assert names("published", tasks="cells", relabelings=1)[:12] == names(
        "published", tasks="cells"
    )


@pytest.mark.parametrize("name", ["random", "permutation-", "permutation-x", ""])
def test_an_unknown_order_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="unknown order"):
        names(name)


@given(KINDS, st.integers(0, 2))
def test_every_cell_is_in_exactly_one_task(kind: TaskKind, relabelings: int) -> None:
    stream = make_stream("reversed", "none", SKILLS, GROUPS, tasks=kind, relabelings=relabelings)
    steps = len(stream.tasks)
    trained = [cell for step in range(1, steps + 1) for cell in stream.train_cells(step, 0)]
    tested = stream.test_cells("test", 1, steps)
    expected = math.prod((len(SKILLS), len(GROUPS), relabelings + 1))
    for cells in (trained, tested):
        assert len(set(cells)) == len(cells) == expected
        owners = Counter(t.name for cell in cells for t in stream.tasks if belongs(cell, t.name))
        assert owners.total() == expected
    assert sorted(trained) == list(stream.all_train_cells())
    assert {c.removeprefix("train") for c in trained} == {c.removeprefix("test") for c in tested}


def test_cells_go_round_the_skills_so_that_neighbours_differ() -> None:
    stream = make_stream("published", "none", SKILLS, GROUPS, tasks="cells", relabelings=1)
    found = [task.name for task in stream.tasks]
    assert found[:5] == ["recognition.G1", "location.G1", "count.G1", "color.G1", "recognition.G2"]
    assert found[12:14] == ["recognition~1.G1", "location~1.G1"]
    assert stream.train_cells(1, 0) == ("train/recognition/G1",)
    assert stream.test_cells("test", 13, 13) == ("test/recognition~1/G1",)
    assert all(a.skill != b.skill for a, b in pairwise(stream.tasks))


@pytest.mark.parametrize("held_out", GROUPS)
def test_a_held_out_group_is_trained_in_the_first_task_only(held_out: str) -> None:
    stream: Stream = make_stream("published", held_out, SKILLS, GROUPS)
    assert stream.tasks[0].groups == GROUPS
    assert all(held_out not in task.groups for task in stream.tasks[1:])
    assert all(task.tested == GROUPS for task in stream.tasks)
    assert stream.name == f"published-novel-{held_out}"


@given(st.integers(0, 1000), st.sampled_from(SKILLS))
def test_group_order_is_a_permutation_fixed_by_seed_and_task(seed: int, task: str) -> None:
    order = group_order(GROUPS, task, seed)
    assert sorted(order) == sorted(GROUPS)
    assert order == group_order(GROUPS, task, seed)


def test_tasks_of_image_and_text_come_first_or_last() -> None:
    skills = ("snli_ve", "piqa", "vqav2", "inaturalist")

    def names(order: str) -> list[str]:
        stream = make_stream(order, "none", skills, ("all",), multimodal=both.__contains__)
        return [task.name for task in stream.tasks]

    both = {"snli_ve", "vqav2"}
    assert names("multi-first") == ["snli_ve", "vqav2", "piqa", "inaturalist"]
    assert names("mono-first") == ["piqa", "inaturalist", "snli_ve", "vqav2"]
