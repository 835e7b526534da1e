"""Questions and annotations find each other, whatever the order, and bad records are counted."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.data.problems import Problems
from continual_vqa.data.tables import RAW
from continual_vqa.data.vqav2 import read_vqav2
from continual_vqa.errors import UserError
from data.official_files import annotation, question, write_vqa


def read(pair: tuple[str, str], *more: tuple[str, str]):
    problems = Problems(skip=True)
    pairs = [pair, *more]
    table = read_vqav2([q for q, _ in pairs], [a for _, a in pairs], problems)
    assert table.schema == RAW
    table.validate(full=True)
    return table, problems


def test_all_fields(tmp_path: Path) -> None:
    table, problems = read(write_vqa(tmp_path, [question(42001, 42)], [annotation(42001, 42)]))
    (row,) = table.to_pylist()
    assert not problems.found
    assert Path(row.pop("source")).name == "v2_OpenEnded_mscoco_val2014_questions.json"
    assert row == {
        "subset": "val2014",
        "question_id": "42001",
        "image_id": "42",
        "image_name": "COCO_val2014_000000000042",
        "question": "What color is the cat?",
        "answers": ["red"] * 10,
        "answer": "red",
        "question_type": "what color is the",
        "answer_type": "other",
        "detailed_type": "",
        "concept": "",
        "entailed": [],
        "choices": [],
        "second_image_name": "",
    }


@given(
    asked=st.lists(st.integers(1, 30), max_size=20),
    answered=st.lists(st.integers(1, 30), max_size=20),
    seed=st.integers(0, 9),
)
def test_join_is_that_of_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory, asked: list[int], answered: list[int], seed: int
) -> None:
    """First record of each id on both sides; everything else is counted."""
    rng = random.Random(seed)
    questions = [question(i, i % 3, f"q{rng.random()}") for i in asked]
    annotations = [annotation(i, i % 3, answer=f"a{rng.random()}") for i in answered]
    table, problems = read(write_vqa(tmp_path_factory.mktemp("x"), questions, annotations))
    texts: dict[int, str] = {}
    answers: dict[int, str] = {}
    for each in questions:
        texts.setdefault(each["question_id"], each["question"])
    for each in annotations:
        answers.setdefault(each["question_id"], each["multiple_choice_answer"])
    expected = {str(i): (text, answers[i]) for i, text in texts.items() if i in answers}
    found = {r["question_id"]: (r["question"], r["answer"]) for r in table.to_pylist()}
    assert found == expected
    assert table.num_rows == len(expected)
    assert problems.count("duplicate_questions") == len(asked) - len(texts)
    assert problems.count("duplicate_annotations") == len(answered) - len(answers)
    assert problems.count("missing_annotations") == len(texts.keys() - answers.keys())
    assert problems.count("orphan_annotations") == len(answers.keys() - texts.keys())


def test_several_subsets_and_files_in_any_order(tmp_path: Path) -> None:
    train = write_vqa(tmp_path, [question(1)], [annotation(1)], "train2014")
    val = write_vqa(tmp_path, [question(2)], [annotation(2)], "val2014")
    problems = Problems()
    table = read_vqav2([train[0], val[0]], [val[1], train[1]], problems)
    problems.check()
    assert table["subset"].to_pylist() == ["train2014", "val2014"]


def test_duplicates_across_files_name_the_second(tmp_path: Path) -> None:
    first = write_vqa(tmp_path / "a", [question(1), question(2)], [annotation(1), annotation(2)])
    second = write_vqa(tmp_path / "b", [question(2)], [])
    _, problems = read(first, second)
    assert problems.as_json()["duplicate_questions"] == {
        "count": 1,
        "places": {second[0]: {"count": 1, "first": ["2"]}},
    }


def test_differing_images_are_a_problem(tmp_path: Path) -> None:
    pair = write_vqa(
        tmp_path, [question(1, 5), question(2, 5)], [annotation(1, 5), annotation(2, 6)]
    )
    table, problems = read(pair)
    assert table["question_id"].to_pylist() == ["1"]
    assert problems.count("image_mismatches") == 1


def test_subset_from_the_name_or_an_error(tmp_path: Path) -> None:
    q, a = write_vqa(tmp_path, [question(1)], [annotation(1)])
    without = Path(q).read_text().replace('"data_subtype": "val2014"', '"data_subtype": ""')
    Path(q).write_text(without)
    table, _ = read((q, a))
    assert table["subset"].to_pylist() == ["val2014"]
    other = tmp_path / "questions.json"
    other.write_text(without)
    with pytest.raises(UserError, match="which COCO subset"):
        read((str(other), a))
