"""Forgetting of every task after every later one, and its table."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from analysis.merged_studies import merged_study
from continual_vqa.analysis.forgetting import forgetting
from continual_vqa.analysis.schemas import FORGETTING, METRICS
from continual_vqa.analysis.study_results import Results
from continual_vqa.analysis.tables import TABLES
from continual_vqa.cli import main
from continual_vqa.errors import UserError
from continual_vqa.files.parquet import write_table

CHANCES = {"recognition": 0.5}


@pytest.fixture(scope="module")
def study() -> Results:
    return merged_study(orders=("published",), seeds=(0, 1))


def test_every_later_step_has_its_forgetting(study: Results) -> None:
    table = forgetting(study.metrics, CHANCES)
    assert table.schema == FORGETTING
    rows = table.to_pylist()
    own = [row for row in rows if row["recipe"] == "sequential_lora" and row["seed"] == 0]
    # Five tasks: 4 + 3 + 2 + 1 later steps.
    assert len(own) == 10 and all(row["step"] > row["position"] for row in own)
    assert not [row for row in rows if row["recipe"] == "joint_lora"]
    accuracies = {
        (r["recipe"], r["seed"], r["task"], r["step"]): r["accuracy"]
        for r in study.metrics.to_pylist()
        if not r["group"]
    }
    for row in rows:
        run = (row["recipe"], row["seed"], row["task"])
        chance = 50.0 if row["task"] == "recognition" else 0.0
        assert row["chance"] == chance
        learned, later = accuracies[(*run, row["position"])], accuracies[(*run, row["step"])]
        expected = 100 * (learned - later) / (learned - chance)
        assert row["relative"] == pytest.approx(expected)


def test_the_table_shows_what_is_left_in_the_end(study: Results) -> None:
    told = {"forgetting": forgetting(study.metrics, {})}
    table = TABLES["upstream"](dataclasses.replace(study, further=told))
    assert "Joint, LoRA" not in {recipe for (_, recipe, _), _ in table.rows}
    by_label = {labels[1:]: estimates for labels, estimates in table.rows}
    tasks = study.tasks("published")
    assert {task for _, task in by_label} == {"all tasks", *tasks[:-1]}
    learned, later, relative = by_label["Sequential, LoRA", tasks[0]]
    assert learned.mean > later.mean
    assert relative.mean == pytest.approx(100 * (1 - later.mean / learned.mean), abs=1)
    # Its accuracies are drawn about the same mean at every step.
    assert by_label["Independent per task", "all tasks"][2].mean == pytest.approx(0, abs=5)


def test_the_verb_reads_metrics_and_report(study: Results, tmp_path: Path) -> None:
    write_table(tmp_path / "m.parquet", study.metrics, METRICS)
    (tmp_path / "report.json").write_text('{"random": {"recognition": 0.5}}')
    out = tmp_path / "f.parquet"
    run = ["forgetting", "--metrics", str(tmp_path / "m.parquet"), "--out", str(out)]
    assert main([*run, "--report", str(tmp_path / "report.json")]) == 0
    assert pq.read_table(out).to_pylist() == forgetting(study.metrics, CHANCES).to_pylist()
    (tmp_path / "report.json").write_text('{"random": {"recognition": 5}}')
    assert main([*run, "--report", str(tmp_path / "report.json")]) == 2


def test_without_the_table_it_is_asked_for(study: Results) -> None:
    with pytest.raises(UserError, match="'forgetting' is needed"):
        TABLES["upstream"](study)
