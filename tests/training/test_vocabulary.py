from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

import tiny_model
from continual_vqa.data.tables import write_questions
from continual_vqa.errors import UserError
from continual_vqa.training.vocabulary import read_texts


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
