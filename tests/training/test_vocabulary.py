from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest

import tiny_model
from continual_vqa.data.tables import QUESTIONS, write_questions
from continual_vqa.errors import UserError
from continual_vqa.training.vocabulary import read_answers, read_kinds, read_texts


def test_official_files_give_questions_and_answers(tmp_path: Path) -> None:
    questions = {"info": {}, "questions": [{"question": "Is it?", "question_id": 3}]}
    annotations = {
        "annotations": [
            {"answers": [{"answer": "yes", "answer_id": 1}], "multiple_choice_answer": "no"}
        ]
    }
    gqa = {"07": {"question": "What?", "answer": "cat", "fullAnswer": "It is a cat."}}
    (tmp_path / "q.json").write_text(json.dumps(questions))
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(json.dumps(annotations).encode()))
    (tmp_path / "g.json").write_text(json.dumps(gqa))
    assert list(read_texts(tmp_path / "q.json")) == ["Is it?"]
    assert sorted(read_texts(tmp_path / "a.json.gz")) == ["no", "yes"]
    assert sorted(read_texts(tmp_path / "g.json")) == ["What?", "cat"]


def test_only_the_train_split_of_a_table_counts(tmp_path: Path) -> None:
    table = tiny_model.rows(2, skill="color", group="G1", seed=0)
    other = table.set_column(1, table.schema.field("split"), [["train", "test"]])
    write_questions(tmp_path / "q.parquet", other)
    texts = list(read_texts(tmp_path / "q.parquet"))
    assert len(texts) == 1 + 10
    assert texts[0] == table["question"][0].as_py()


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"a": [1, 2]}')
    with pytest.raises(UserError, match="no questions"):
        list(read_texts(tmp_path / "x.json"))


def test_answers_are_counted_once_for_each_question(tmp_path: Path) -> None:
    given = [{"answer": "no", "answer_id": number} for number in range(10)]
    annotation = {"answers": given, "multiple_choice_answer": "no", "question_id": 1}
    (tmp_path / "a.json").write_text(json.dumps({"annotations": [annotation, annotation]}))
    gqa = {"answer": "cat", "fullAnswer": "It is a cat.", "question": "What?"}
    (tmp_path / "g.json").write_text(json.dumps({"07": gqa, "08": {**gqa, "answer": "dog"}}))
    (tmp_path / "q.json").write_text(json.dumps({"questions": [{"question": "Is it?"}]}))
    assert read_answers(tmp_path / "a.json") == {"no": 2}
    assert read_answers(tmp_path / "g.json") == {"cat": 1, "dog": 1}
    assert read_answers(tmp_path / "q.json") == {}


def test_only_training_answers_are_counted(tmp_path: Path) -> None:
    table = tiny_model.rows(3, skill="color", group="G1", seed=0)
    splits = [["train", "test", "train"]]
    write_questions(
        tmp_path / "q.parquet", table.set_column(1, table.schema.field("split"), splits)
    )
    answers = table["answer"].to_pylist()
    assert sorted(read_answers(tmp_path / "q.parquet").elements()) == sorted(answers[::2])


def test_answers_that_are_chosen_are_not_listed(tmp_path: Path) -> None:
    content = tiny_model.rows(3, skill="color", group="G1", seed=0).to_pylist()
    content[0] |= {"choices": ["red", "green", "blue"]}
    content[1] |= {"split": "test", "choices": ["a"] * 5, "second_image_path": "b.png"}
    write_questions(tmp_path / "q.parquet", pa.Table.from_pylist(content, schema=QUESTIONS))
    assert read_answers(tmp_path / "q.parquet") == {content[2]["answer"]: 1}
    assert read_kinds(tmp_path / "q.parquet") == (3, False)
    content[2] |= {"second_image_path": "b.png"}
    write_questions(tmp_path / "q.parquet", pa.Table.from_pylist(content[2:], schema=QUESTIONS))
    assert read_kinds(tmp_path / "q.parquet") == (0, True)
    write_questions(tmp_path / "q.parquet", QUESTIONS.empty_table())
    assert read_kinds(tmp_path / "q.parquet") == (0, False)
    assert read_kinds(tmp_path / "q.json") == (0, False)
