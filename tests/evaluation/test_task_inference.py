"""The inferred task against exact fractions, and what must not matter to it."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from continual_vqa.consolidation.words import TaskWords, count_words
from continual_vqa.errors import UserError
from continual_vqa.evaluation.task_inference import infer
from oracles import naive_bayes_reference as reference

WORDS = ("what", "color", "is", "it", "how", "many", "dogs", "red")
QUESTION = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)
TRAINED = st.dictionaries(
    st.sampled_from(["color", "count", "count~1", "type.G1"]),
    st.lists(QUESTION, max_size=6),
    min_size=1,
)


def strings(questions: list[str]) -> pa.Array:
    return pa.array(questions, pa.string())


def counted(trained: dict[str, list[str]]) -> list[TaskWords]:
    return [count_words(task, strings(questions)) for task, questions in trained.items()]


@settings(max_examples=60)
@given(TRAINED, st.lists(QUESTION, min_size=1, max_size=5))
def test_the_most_probable_task_is_inferred(
    trained: dict[str, list[str]], questions: list[str]
) -> None:
    found = infer(strings(questions), counted(trained))
    assert found.tasks == tuple(sorted(trained))
    for question, best, margin in zip(questions, found.best, found.margin, strict=True):
        exact = reference.chances(question, trained)
        *_, second, first = [0, *sorted(exact.values())]
        assert exact[found.tasks[best]] >= first * (1 - 1e-12)
        if len(exact) > 1:
            assert margin == pytest.approx(math.log(first / second), abs=1e-9)


@given(TRAINED, st.lists(QUESTION, max_size=4), st.randoms())
def test_the_order_of_the_tasks_does_not_matter(trained, questions, random) -> None:
    seen = counted(trained)
    one = infer(strings(questions), seen)
    random.shuffle(seen)
    other = infer(strings(questions), seen)
    assert one.tasks == other.tasks
    assert np.array_equal(one.best, other.best) and np.array_equal(one.margin, other.margin)


@given(TRAINED, st.lists(QUESTION, min_size=1, max_size=4))
def test_a_question_is_told_the_same_whatever_is_asked_beside_it(trained, questions) -> None:
    together = infer(strings(questions), counted(trained))
    alone = [infer(strings([question]), counted(trained)) for question in questions]
    assert together.best.tolist() == [one.best[0] for one in alone]
    assert together.margin.tolist() == [one.margin[0] for one in alone]


@given(st.lists(QUESTION, max_size=3), st.lists(QUESTION, min_size=1, max_size=4))
def test_a_single_task_always_wins(trained: list[str], questions: list[str]) -> None:
    found = infer(strings(questions), counted({"color": trained}))
    assert found.best.tolist() == [0] * len(questions)
    assert np.isposinf(found.margin).all()


def test_between_equal_tasks_the_first_name_is_taken() -> None:
    same = ["what color is it"] * 2
    found = infer(strings(["what color", "nothing known"]), counted({"b": same, "a": same}))
    assert found.tasks == ("a", "b")
    assert found.best.tolist() == [0, 0] and found.margin.tolist() == [0.0, 0.0]


def test_words_that_no_task_knows_say_nothing_and_the_larger_task_is_taken() -> None:
    trained = {"color": ["what color"] * 3, "count": ["how many"] * 4}
    found = infer(strings(["zebra?", ""]), counted(trained))
    assert [found.tasks[best] for best in found.best] == ["count", "count"]
    assert found.margin.tolist() == pytest.approx([math.log(5 / 4)] * 2)


def test_a_task_is_given_once() -> None:
    twice = counted({"color": ["what color"]}) * 2
    with pytest.raises(UserError, match="words of 'color' are given twice"):
        infer(strings(["what color"]), twice)
    with pytest.raises(UserError, match="no task was given"):
        infer(strings(["what color"]), [])
