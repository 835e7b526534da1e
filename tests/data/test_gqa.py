"""GQA files: read record by record, with precise complaints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.data.gqa import read_gqa
from continual_vqa.data.problems import Problems
from continual_vqa.data.scene_graphs import SceneGraph, SceneObject
from continual_vqa.data.tables import RAW
from continual_vqa.errors import UserError
from data.official_files import gqa_record


def write(folder: Path, content: object, name: str = "val_balanced_questions.json") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def read(path: Path, graphs=None, *, skip: bool = True):
    problems = Problems(skip)
    table = read_gqa([path], graphs or {}, problems)
    assert table.schema == RAW
    return table, problems


def test_all_fields(tmp_path: Path) -> None:
    record = gqa_record("n235859", entailed=["8", "9"])
    table, problems = read(write(tmp_path, {"201": record}))
    (row,) = table.to_pylist()
    assert not problems.found
    del row["source"]
    assert row == {
        "subset": "val",
        "question_id": "201",
        "image_id": "n235859",
        "image_name": "n235859",
        "question": "Is there a cat?",
        "answers": ["yes"],
        "answer": "yes",
        "question_type": "verify",
        "answer_type": "obj",
        "detailed_type": "exist",
        "concept": "cat",
        "entailed": ["8", "9"],
        "choices": [],
        "second_image_name": "",
    }


@given(st.dictionaries(st.text("0123456789abc"), st.text(min_size=1), max_size=8))
def test_streaming_reads_what_json_reads(
    tmp_path_factory: pytest.TempPathFactory, texts: dict[str, str]
) -> None:
    texts = {key: text.encode("utf-8", "replace").decode() for key, text in texts.items()}
    document = {key: gqa_record(question=text) for key, text in texts.items()}
    for indent in (None, 1):
        path = write(tmp_path_factory.mktemp("g"), json.dumps(document, indent=indent))
        table, problems = read(path)
        assert not problems.found
        assert dict(zip(*map(table.column, ("question_id", "question")), strict=True)) or not texts
        found = zip(table["question_id"].to_pylist(), table["question"].to_pylist(), strict=True)
        assert dict(found) == texts


def test_the_scene_graph_names_the_concept(tmp_path: Path) -> None:
    graph = SceneGraph("7", 10, 10, (SceneObject("5", "kitten", 0, 0, 1, 1),))
    table, _ = read(write(tmp_path, {"1": gqa_record("7")}), {"7": graph})
    assert table["concept"].to_pylist() == ["kitten"]


@pytest.mark.parametrize(
    ("name", "subset"),
    [
        ("train_balanced_questions.json", "train"),
        ("val_all_questions.json", "val"),
        ("testdev_balanced_questions.json", "testdev"),
        ("train_all_questions_3.json", "train"),
        ("ood_testdev_head.json", "testdev"),
        ("dev.json", "dev"),
        ("train_48.json", "train"),
    ],
)
def test_subset_is_in_the_name(tmp_path: Path, name: str, subset: str) -> None:
    table, _ = read(write(tmp_path, {"1": gqa_record()}, name))
    assert table["subset"].to_pylist() == [subset]


def test_a_name_without_a_subset(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="which subset"):
        read(write(tmp_path, {"1": gqa_record()}, "questions.json"))


@pytest.mark.parametrize(
    ("record", "kind", "reason"),
    [
        (gqa_record(types=None), "malformed_records", "question 2: has no 'types'"),
        (gqa_record(types={"structural": "x"}), "malformed_records", "no 'semantic'"),
        (gqa_record(imageId=7), "malformed_records", "'imageId' is not a text"),
        (gqa_record(entailed="8"), "malformed_records", "'entailed' is not a list"),
        ([], "malformed_records", "is not an object"),
        ({**gqa_record(), "answer": ""}, "missing_annotations", "2"),
    ],
)
def test_bad_records(tmp_path: Path, record: object, kind: str, reason: str) -> None:
    table, problems = read(write(tmp_path, {"1": gqa_record(), "2": record}))
    assert table["question_id"].to_pylist() == ["1"]
    assert problems.count(kind) == 1
    assert reason in str(problems.as_json()[kind])


def test_duplicate_keys_within_a_file(tmp_path: Path) -> None:
    one = json.dumps(gqa_record())
    table, problems = read(write(tmp_path, f'{{"1": {one}, "1": {one}}}'))
    assert table.num_rows == 1
    assert problems.count("duplicate_questions") == 1


def test_truncation(tmp_path: Path) -> None:
    text = json.dumps({str(i): gqa_record() for i in range(5)})[:-30]
    path = write(tmp_path, text)
    with pytest.raises(UserError, match=f"truncated JSON: it ends at byte {len(text):,}"):
        read(path, skip=False)
    table, problems = read(path)
    assert table.num_rows == 4
    assert problems.count("damaged_files") == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "does not hold an object"),
        ("{} x", "more after the end"),
        ('{"1" 2}', "expected ':'"),
        ('{"1": NaN}', "NaN"),
        ("", "truncated"),
        ('{"1": ' + "[" * 100_000, "nested too deeply|truncated"),
    ],
)
def test_wrong_documents(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        read(write(tmp_path, text), skip=False)
