"""A study of several kinds of tasks runs the whole way: entailment, choices, classes, questions."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq

from .conftest import Checkout, copy_repository

TASKS = ["snli_ve", "piqa", "inaturalist", "vqav2"]


def test_a_mix_of_tasks_runs_to_the_end(repository: Path, tmp_path: Path) -> None:
    copy_repository(repository, tmp_path)
    study = Checkout(tmp_path, tmp_path / "config" / "mix.yaml")
    rules = study.pending_rules()
    assert (rules["miniature"], rules["index"], rules["shard"]) == (1, 1, 8)
    assert (rules["train"], rules["score"]) == (5, 5)
    study.snakemake()
    results = tmp_path / "results" / "mix"
    report = json.loads((results / "data" / "report.json").read_text())
    assert list(report["random"]) == TASKS
    scores = [pq.read_table(path) for path in sorted((results / "scores").rglob("*.parquet"))]
    last = [table for table in scores if len(set(table["task"].to_pylist())) == len(TASKS)]
    # After the last task, and after joint training.
    assert len(last) == 2
    for table in last:
        assert set(table["task"].to_pylist()) == set(TASKS)
        assert {0.0, 1.0} >= {
            accuracy
            for task, accuracy in zip(
                table["task"].to_pylist(), table["accuracy"].to_pylist(), strict=True
            )
            if task != "vqav2"
        }
    assert "Sequential" in (results / "tables" / "main.csv").read_text()
    assert study.pending() == []


def test_a_vilt_chooses_and_sees_pairs_in_one_study(repository: Path, tmp_path: Path) -> None:
    copy_repository(repository, tmp_path)
    name = "config/mix-vilt.yaml"
    study = Checkout(tmp_path, tmp_path / name)
    study.edit(name, "    snli_ve: {format: snli_ve}\n", "")
    study.edit(name, "inaturalist: {format: inaturalist}", "places365: {format: places365}")
    later = "downstream: [places365], downstream_questions: 16, downstream_epochs: 2"
    study.edit(name, "held_out: [none]", f"held_out: [none], {later}")
    study.edit(name, "recipes: [sequential, atlas, joint]", "recipes: [joint, independent_head]")
    study.snakemake("all")
    results = tmp_path / "results" / "mix-vilt"
    base = json.loads((results / "base" / "config.json").read_text())
    assert base["choices"] == 5 and base["pairs"] is True
    # Chosen, not listed; and what statements about two images are answered with.
    questions = pq.read_table(results / "data" / "questions.parquet").to_pylist()
    assert {"true", "false"} <= set(base["answers"])
    assert not {row["answer"] for row in questions if row["skill"] == "piqa"} & set(base["answers"])
    given = {
        row["question_id"]: row["answer"]
        for path in (results / "predictions").rglob("*.parquet")
        for row in pq.read_table(path).to_pylist()
    }
    for row in questions:
        if row["question_id"] in given and row["choices"]:
            assert given[row["question_id"]] in row["choices"]
    asked = {row["skill"] for row in questions if row["question_id"] in given}
    assert asked == {"vqav2", "piqa", "nlvr2", "commonsenseqa", "places365"}
    for table, head in (("transfer", "alone (%)"), ("upstream", "learned (%)")):
        assert head in (results / "tables" / f"{table}.md").read_text()
    compared = (results / "tables" / "transfer_paired.csv").read_text()
    assert "Joint,Head per task" in compared
