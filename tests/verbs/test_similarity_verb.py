"""The verb similarity, and the file that a config names."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from continual_vqa.cli import main
from continual_vqa.config.orders import read_similarity
from continual_vqa.data.tables import QUESTIONS, write_questions
from continual_vqa.errors import UserError

ROWS = [
    ("color", "G1", "what color is it", "red"),
    ("color", "G2", "what color is it", "blue"),
    ("count", "G1", "how many are there", "2"),
    ("type", "G1", "what kind is it", "red"),
]


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    rows = [
        {
            **{field.name: "" for field in QUESTIONS},
            "answers": [],
            "entailed": [],
            "choices": [],
            "split": "train",
            "question_id": str(number),
            "skill": skill,
            "group": group,
            "question": question,
            "answer": answer,
        }
        for number, (skill, group, question, answer) in enumerate(ROWS)
    ]
    write_questions(tmp_path / "q.parquet", pa.Table.from_pylist(rows, QUESTIONS))
    return tmp_path / "q.parquet"


def measure(questions: Path, out: Path, *options: str) -> int:
    return main(["similarity", "--questions", str(questions), "--out", str(out), *options])


def test_what_the_verb_writes_is_what_planning_reads(questions: Path, tmp_path: Path, capsys):
    out = tmp_path / "similarity.json"
    assert measure(questions, out) == 0
    assert "most similar   color and type" in capsys.readouterr().out
    found = read_similarity(out)
    assert found.names == ("color", "count", "type")
    assert found.questions == (2, 1, 1)
    first = out.read_bytes()
    assert measure(questions, out) == 0
    assert out.read_bytes() == first
    assert measure(questions, out, "--tasks", "cells") == 0
    assert read_similarity(out).names == ("color.G1", "color.G2", "count.G1", "type.G1")


def test_a_split_without_questions_is_one_line(questions: Path, tmp_path: Path, capsys):
    assert measure(questions, tmp_path / "s.json", "--split", "val") == 2
    assert "no question is in split 'val'" in capsys.readouterr().err
    assert not (tmp_path / "s.json").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c["names"].pop(), "similarity is not 2 x 2"),
        (lambda c: c["names"].__setitem__(0, "type"), "names a task twice"),
        (lambda c: c["similarity"][0].__setitem__(1, 1.5), "less than or equal to 1"),
        (lambda c: c.pop("names"), "names: Field required"),
    ],
)
def test_a_damaged_file_is_refused(questions: Path, tmp_path: Path, change, words: str) -> None:
    out = tmp_path / "similarity.json"
    measure(questions, out)
    content = json.loads(out.read_text())
    change(content)
    out.write_text(json.dumps(content))
    with pytest.raises(UserError, match=words):
        read_similarity(out)
