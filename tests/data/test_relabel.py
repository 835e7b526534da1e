"""Relabelled copies are the same questions with other answers, and leave the originals alone."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from continual_vqa.cli import main
from continual_vqa.config.study import Study
from continual_vqa.data.cells import fingerprint_cells, fingerprint_words
from continual_vqa.data.relabel import permutation, with_relabelings
from continual_vqa.data.tables import QUESTIONS, row_order
from continual_vqa.plan.study_plan import Plan

ANSWERS = st.sampled_from(["red", "Red", "2", "two dogs", "", "yes"])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "split": st.sampled_from(["train", "train", "test"]),
            "skill": st.sampled_from(["color", "count"]),
            "group": st.sampled_from(["G1", "G2", ""]),
            "question": st.sampled_from(["what?", "how many?"]),
            "answer": ANSWERS,
            "others": st.lists(ANSWERS, max_size=2),
            "image_id": st.sampled_from(["1", "20"]),
            "entailed": st.lists(st.sampled_from(["0", "1"]), max_size=2),
        }
    ),
    min_size=1,
    max_size=10,
)


def table(rows: list[dict]) -> pa.Table:
    blank = {field.name: [] if pa.types.is_list(field.type) else "" for field in QUESTIONS}
    numbered = [
        {**blank, **row, "answers": [*row["others"], row["answer"]], "question_id": str(i)}
        for i, row in enumerate(rows)
    ]
    return in_order(pa.Table.from_pylist(numbered, QUESTIONS))


def in_order(questions: pa.Table) -> pa.Table:
    keys = [questions[name] for name in ("split", "image_id", "question_id")]
    return questions.take(row_order(*keys)).combine_chunks()


@settings(max_examples=25, deadline=None)
@given(ROWS, st.integers(1, 2))
def test_copies_differ_in_their_answers_alone(rows: list[dict], count: int) -> None:
    original = table(rows)
    found = with_relabelings(original, count)
    assert found.schema.equals(QUESTIONS)
    assert found.slice(0, len(rows)).equals(original)
    by_id = {row["question_id"]: row for row in found.to_pylist()}
    assert len(by_id) == len(rows) * (count + 1)
    for number in range(1, count + 1):
        turned: dict[tuple[str, str], str] = {}
        for row in original.to_pylist():
            copy = by_id[f"{row['question_id']}~{number}"]
            assert copy["skill"] == f"{row['skill']}~{number}"
            assert copy["entailed"] == [f"{other}~{number}" for other in row["entailed"]]
            old_answers, new_answers = ([r["answer"], *r["answers"]] for r in (row, copy))
            for old, new in zip(old_answers, new_answers, strict=True):
                assert turned.setdefault((row["skill"], old), new) == new
            same = set(row) - {"skill", "question_id", "answer", "answers", "entailed"}
            assert all(copy[name] == row[name] for name in same)
        # One answer for one, so that annotators agree as much as before.
        for skill in {skill for skill, _ in turned}:
            new = [answer for (owner, _), answer in turned.items() if owner == skill]
            assert len(set(new)) == len(new)


@settings(max_examples=10, deadline=None)
@given(ROWS)
def test_cells_and_words_of_the_originals_stay_as_they_were(rows: list[dict]) -> None:
    original = table(rows)
    more = in_order(with_relabelings(original, 2))
    assert fingerprint_words(more) == fingerprint_words(original)
    assert fingerprint_cells(original, None).items() <= fingerprint_cells(more, None).items()


@given(st.sets(st.text(max_size=3), max_size=6), st.integers(1, 5))
def test_a_permutation_moves_every_answer_through_one_circle(answers: set[str], number: int):
    turned = permutation("color", number, answers)
    assert set(turned) == set(turned.values()) == answers
    at, seen = next(iter(answers), ""), set()
    while answers and at not in seen:
        seen.add(at)
        at = turned[at]
    assert seen == answers


def test_number_and_skill_decide_the_permutation() -> None:
    answers = {str(n) for n in range(8)}
    found = [permutation(s, n, answers) for s in ("color", "count") for n in (1, 2, 3)]
    assert len({tuple(sorted(each.items())) for each in found}) == 6
    assert found[0] == permutation("color", 1, {str(n) for n in range(7, -1, -1)})


def test_the_plan_asks_for_as_many_copies_as_the_stream_has(capsys) -> None:
    stream = {"relabelings": 2, "held_out": ("none",), "tasks": "cells"}
    plan = Plan(Study.model_validate({"stream": stream}))
    at = plan.index_arguments.index("--relabelings")
    assert plan.index_arguments[at + 1] == "2"
    assert "--relabelings" not in Plan(Study()).index_arguments
    assert {cell.split("/")[1] for cell in plan.cells} >= {"color", "color~1", "color~2"}
    with pytest.raises(SystemExit):
        main(["index", "--relabelings", "many"])
    assert "--relabelings" in capsys.readouterr().err
