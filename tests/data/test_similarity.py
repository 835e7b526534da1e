"""The similarity of tasks against its formula written out word by word."""

from __future__ import annotations

import math
import re
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from continual_vqa.data.similarity import cosines, task_similarity, weighted
from continual_vqa.errors import UserError

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "skill": st.sampled_from(["color", "count", "type"]),
            "group": st.sampled_from(["G1", "G2"]),
            "question": st.sampled_from(
                ["What color is the dog?", "How many dogs?", "what's it", "?", "Is it RED, or red?"]
            ),
            "answer": st.sampled_from(["red", "2", "Yes"]),
        }
    ),
    min_size=1,
    max_size=12,
)


def table(rows: list[dict[str, str]], split: str = "train") -> pa.Table:
    return pa.Table.from_pylist([{**row, "split": split} for row in rows])


def vectors(documents: list[list[str]]) -> list[dict[str, float]]:
    counts = [Counter(document) for document in documents]
    having = Counter(term for count in counts for term in count)
    return [
        {
            term: n / count.total() * math.log(1 + len(documents) / having[term])
            for term, n in count.items()
        }
        for count in counts
    ]


def cosine(a: dict[str, float], b: dict[str, float]) -> float:
    dot = sum(value * b.get(term, 0.0) for term, value in a.items())
    lengths = math.hypot(*a.values()) * math.hypot(*b.values())
    return dot / lengths if lengths else 0.0


@settings(max_examples=40, deadline=None)
@given(ROWS, st.sampled_from(["skills", "cells"]))
def test_the_similarity_is_the_documented_formula(rows, kind) -> None:
    found = task_similarity(table(rows), "train", kind)
    named = [r["skill"] + (f".{r['group']}" if kind == "cells" else "") for r in rows]
    assert found.names == tuple(sorted(set(named)))
    assert found.questions.tolist() == [named.count(name) for name in found.names]
    asked, answered = [], []
    for name in found.names:
        own = [row for row, task in zip(rows, named, strict=True) if task == name]
        asked.append([w for r in own for w in re.findall(r"[\w']+", r["question"].lower())])
        answered.append([r["answer"].lower() for r in own])
    words, answers = vectors(asked), vectors(answered)
    for a in range(len(found.names)):
        for b in range(len(found.names)):
            expected = (cosine(words[a], words[b]) + cosine(answers[a], answers[b])) / 2
            expected = 1.0 if a == b else expected
            assert found.similarity[a, b] == pytest.approx(expected)


@settings(max_examples=15, deadline=None)
@given(ROWS, st.randoms(use_true_random=False))
def test_neither_the_order_nor_the_number_of_copies_matters(rows, random) -> None:
    shuffled = rows * 2
    random.shuffle(shuffled)
    first = task_similarity(table(rows), "train", "skills")
    second = task_similarity(table(shuffled), "train", "skills")
    np.testing.assert_allclose(first.similarity, second.similarity)


def test_only_the_split_and_questions_in_a_group_count() -> None:
    row = {"skill": "color", "group": "G1", "question": "what", "answer": "red"}
    both = pa.concat_tables(
        [
            table([row, {**row, "skill": "count", "group": ""}]),
            table([{**row, "skill": "type"}], "test"),
        ]
    )
    assert task_similarity(both, "train", "skills").names == ("color",)
    with pytest.raises(UserError, match=r"no question is in split 'val'; expected one of test, tr"):
        task_similarity(both, "val", "skills")


def test_what_is_shared_by_few_weighs_more_than_what_all_share() -> None:
    counts = np.array([[2, 1, 1, 0], [2, 1, 0, 1], [2, 0, 1, 1]])
    found = cosines(weighted(counts))
    assert found[0, 1] == pytest.approx(found[0, 2])
    assert found[0, 1] < cosines(counts.astype(float))[0, 1]


def test_a_task_without_terms_is_like_none_but_itself() -> None:
    np.testing.assert_array_equal(cosines(np.array([[0.0, 0.0], [1.0, 0.0]])), np.eye(2))
