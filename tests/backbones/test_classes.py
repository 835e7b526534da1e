from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.backbones.classes import NONE, Classes, most_frequent
from continual_vqa.errors import UserError

answers = st.lists(st.text("abAB ", max_size=3), max_size=20)


@given(answers, st.integers(1, 3), st.integers(1, 4))
def test_the_list_holds_the_most_frequent_answers(given: list[str], least: int, most: int) -> None:
    chosen = most_frequent(Counter(given), least, most)
    counts = Counter(text.strip().lower() for text in given)
    assert len(chosen) == len(set(chosen)) <= most
    assert "" not in chosen and all(counts[text] >= least for text in chosen)
    others = [n for text, n in counts.items() if text and text not in chosen and n >= least]
    if others:
        assert len(chosen) == most and min(counts[text] for text in chosen) >= max(others)
    assert chosen == sorted(chosen, key=lambda text: (-counts[text], text))


@given(st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, unique=True))
def test_an_answer_comes_back_from_its_class(texts: list[str]) -> None:
    classes = Classes(texts)
    encoded = classes.encode([f" {text.upper()}" for text in texts])
    assert classes.decode([row.tolist() for row in encoded]) == texts
    assert [row.tolist() for row in encoded] == [[number] for number in range(len(texts))]


def test_what_is_not_in_the_list_has_no_class_and_no_label() -> None:
    classes = Classes(["yes", "no", "Yes"])
    assert len(classes) == 3 and "YES " in classes and "maybe" not in classes
    assert [row.tolist() for row in classes.encode(["yes", "maybe"])] == [[0], [NONE]]
    assert classes.decode([[2], [NONE]]) == ["Yes", ""]
    labels = classes.labels([{"yes": 0.9, "maybe": 0.3}, {"maybe": 1.0}, {"no": 0.3, "NO": 0.6}])
    assert labels.dtype == np.float32
    np.testing.assert_allclose(labels, [[0.9, 0, 0], [0, 0, 0], [0, 0.6, 0]])


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(UserError, match="no answer to choose from"):
        Classes([])


def test_choices_are_the_classes_behind_the_list() -> None:
    classes = Classes(["yes", "no"], places=3)
    assert len(classes) == 2 and classes.places == 3
    asked = [["Go home", "no"], ["a", "a ", "b"], []]
    found = [classes.place("GO HOME ", asked[0]), classes.place("a", asked[1])]
    assert [row.tolist() for row in found] == [[2], [2]]
    assert classes.place("yes", asked[0]).tolist() == [NONE]
    assert classes.decode([[3], [4], [1]], asked) == ["no", "b", "no"]
    assert classes.decode([[NONE]] * 3, asked) == ["", "", ""]
