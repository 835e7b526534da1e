"""A cell's fingerprint changes exactly when its content does."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import assume, given
from hypothesis import strategies as st

from continual_vqa.data.cells import (
    cell_name,
    cell_rows,
    fingerprint_answers,
    fingerprint_cells,
    fingerprint_words,
)
from continual_vqa.data.tables import QUESTIONS, row_order

rows = st.lists(
    st.fixed_dictionaries(
        {
            "split": st.sampled_from(["train", "test"]),
            "skill": st.sampled_from(["count", "color"]),
            "group": st.sampled_from(["", "G1", "G2"]),
            "question": st.text(max_size=3),
            "answers": st.lists(st.text(max_size=2), max_size=3),
            "image_id": st.sampled_from(["1", "2", "10"]),
        }
    ),
    min_size=1,
    max_size=12,
)


def table(content: list[dict]) -> pa.Table:
    blank = {field.name: [] if pa.types.is_list(field.type) else "" for field in QUESTIONS}
    numbered = [{**blank, **row, "question_id": str(i)} for i, row in enumerate(content)]
    return pa.Table.from_pylist(numbered, QUESTIONS)


@given(rows)
def test_every_grouped_row_is_in_one_cell(content: list[dict]) -> None:
    found = cell_rows(table(content))
    for name, members in found.items():
        for row in members:
            assert name == cell_name(*(content[row][key] for key in ("split", "skill", "group")))
    grouped = [i for i, row in enumerate(content) if row["group"]]
    assert sorted(np.concatenate([*found.values(), np.array([], int)]).tolist()) == grouped


@given(rows, st.data())
def test_one_change_touches_one_cell(content: list[dict], data: st.DataObject) -> None:
    before = fingerprint_cells(table(content), None)
    row = data.draw(st.integers(0, len(content) - 1))
    column = data.draw(st.sampled_from(["question", "answers"]))
    new = data.draw(st.text(max_size=3) if column == "question" else st.lists(st.text(max_size=2)))
    assume(new != content[row][column])
    changed = [dict(each) for each in content]
    changed[row][column] = new
    after = fingerprint_cells(table(changed), None)
    cell = cell_name(*(content[row][key] for key in ("split", "skill", "group")))
    differing = {name for name in before if before[name] != after[name]}
    assert differing == ({cell} if content[row]["group"] else set())


@given(rows, st.data())
def test_an_image_touches_the_cells_that_show_it(content: list[dict], data) -> None:
    image = data.draw(st.sampled_from([row["image_id"] for row in content]))
    sums = [row["image_id"] * 3 for row in content]
    others = [
        "new" if row["image_id"] == image else s for row, s in zip(content, sums, strict=True)
    ]
    before, after = (fingerprint_cells(table(content), pa.array(each)) for each in (sums, others))
    shown = {
        cell_name(row["split"], row["skill"], row["group"])
        for row in content
        if row["image_id"] == image and row["group"]
    }
    assert {name for name in before if before[name] != after[name]} == shown


@given(rows)
def test_the_place_of_images_changes_nothing(content: list[dict]) -> None:
    moved = [{**row, "image_path": "elsewhere"} for row in content]
    assert fingerprint_cells(table(content), None) == fingerprint_cells(table(moved), None)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.text("019n", min_size=1, max_size=4))))
def test_row_order_is_short_before_long(pairs: list[tuple[str, str]]) -> None:
    splits = pa.chunked_array([pa.array([split for split, _ in pairs], pa.string())])
    ids = pa.chunked_array([pa.array([number for _, number in pairs], pa.string())])
    order = row_order(splits, ids, ids).to_pylist()
    expected = sorted(pairs, key=lambda pair: (pair[0], len(pair[1]), pair[1]))
    assert [pairs[i] for i in order] == expected


def test_only_new_words_change_the_vocabulary() -> None:
    row = {"split": "train", "skill": "color", "group": "G1", "image_id": "1"}
    first = [
        {**row, "question": "Is the Cat red?", "answers": ["red", "no."]},
        {**row, "question": "the dog", "answers": ["yes"]},
    ]
    words = fingerprint_words(table(first))
    shuffled = [{**first[1], "answers": ["the", "NO", "."]}, {**first[0], "answers": ["yes"]}]
    assert fingerprint_words(table(shuffled)) == words
    assert fingerprint_words(table([*first, {**row, "split": "test", "question": "cow"}])) == words
    assert fingerprint_words(table([*first, {**row, "question": "cow"}])) != words
    assert fingerprint_words(table(first[:1])) != words
    assert fingerprint_words(table([{**row, "split": "test", "question": "cow"}]))


def test_answers_are_how_often_each_is_right_in_training() -> None:
    row = {"split": "train", "skill": "count", "group": "", "answer": "two"}
    first = [row, {**row, "answer": "one"}, row]
    found = fingerprint_answers(table(first))
    assert fingerprint_answers(table(first[::-1])) == found
    assert (
        fingerprint_answers(table([{**each, "question": "How many?"} for each in first])) == found
    )
    assert fingerprint_answers(table([*first, {**row, "split": "test"}])) == found
    assert fingerprint_answers(table([*first, row])) != found
    assert fingerprint_answers(table(first[:2])) != found
    assert fingerprint_answers(table([{**row, "split": "test"}]))


def test_answers_that_are_chosen_count_by_how_many_choices_there_are() -> None:
    row = {"split": "train", "skill": "count", "group": "", "answer": "two"}
    first = [row, {**row, "answer": "one", "choices": ["one", "two"]}]
    found = fingerprint_answers(table(first))
    assert fingerprint_answers(table([row, {**first[1], "answer": "two"}])) == found
    assert fingerprint_answers(table([row, {**first[1], "choices": ["one"] * 3}])) != found
    assert fingerprint_answers(table([{**row, "choices": ["two"]}])) != found
    assert fingerprint_answers(table([*first, {**first[1], "second_image_path": "b.jpg"}])) != found
    assert fingerprint_answers(table([*first, {**row, "split": "test", "choices": ["x"] * 9}])) == (
        found
    )
