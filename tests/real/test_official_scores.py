"""The scorer against the accuracies that the official evaluation gave a real model's answers."""

from __future__ import annotations

import gzip
import json

import pytest

from continual_vqa.cli import main
from continual_vqa.evaluation.score_tables import SCORES
from continual_vqa.files.parquet import read_table
from oracles import official_vqa

QUESTIONS = 4430


@pytest.fixture(scope="module")
def official(real_data):
    """question id -> percent with two digits."""
    path = real_data / "vqa_eval" / "vqa_baseline" / "official_accuracy.json"
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def results(real_data):
    path = real_data / "vqa_eval" / "vqa_baseline" / "results.json"
    return {str(entry["question_id"]): entry["answer"] for entry in json.loads(path.read_text())}


@pytest.fixture(scope="module")
def annotations(real_data):
    folder = real_data / "vqav2" / "val2014"
    with gzip.open(folder / "v2_mscoco_val2014_annotations.json.gz") as handle:
        records = json.load(handle)["annotations"]
    return {str(record["question_id"]): record for record in records}


def test_the_verb_reproduces_every_official_accuracy(real_data, official, tmp_path, capsys):
    folder = real_data / "vqav2" / "val2014"
    options = ["--questions", str(folder / "v2_OpenEnded_mscoco_val2014_questions.json.gz")]
    options += ["--annotations", str(folder / "v2_mscoco_val2014_annotations.json.gz")]
    options += ["--results", str(real_data / "vqa_eval" / "vqa_baseline" / "results.json")]
    out = tmp_path / "scores.parquet"
    assert main(["score", "--dataset", "vqav2", *options, "--out", str(out), "--json"]) == 0
    scores = read_table(out, SCORES)
    rows = zip(scores["question_id"].to_pylist(), scores["accuracy"].to_pylist(), strict=True)
    assert {question: round(100 * value, 2) for question, value in rows} == official
    summary = json.loads(capsys.readouterr().out)
    assert summary["questions"] == len(official) == QUESTIONS
    assert summary["accuracy"] == round(sum(official.values()) / QUESTIONS, 2)


def test_the_straight_rule_reproduces_every_official_accuracy(official, results, annotations):
    assert official_vqa.evaluate(results, annotations) == official


@pytest.mark.parametrize("name", ["dev", "ood_testdev_head", "train_48"])
def test_the_answers_of_gqa_score_full_marks(real_data, tmp_path, capsys, name):
    path = real_data / "gqa" / f"{name}.json"
    questions = json.loads(path.read_text())
    given = [{"questionId": q, "prediction": r["answer"]} for q, r in questions.items()]
    (tmp_path / "results.json").write_text(json.dumps(given))
    options = ["--questions", str(path), "--results", str(tmp_path / "results.json")]
    out = str(tmp_path / "scores.parquet")
    assert main(["score", "--dataset", "gqa", *options, "--out", out, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["accuracy"], summary["consistency"]) == (100.0, 100.0)
    assert summary["questions"] == len(questions)
    assert set(summary["per_question_type"]) <= {"choose", "compare", "logical", "query", "verify"}
