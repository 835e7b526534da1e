"""Only what a change touches runs again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import yaml

from continual_vqa.plan.causes import explain
from continual_vqa.plan.ledger import NOTES
from continual_vqa.plan.reporting import FIGURES, TABLES

from .conftest import Checkout

AFTER_SCORES = {
    "aggregate",
    "gallery",
    *(f"figure_{name}" for name, row in FIGURES.items() if row.for_all),
    *(f"table_{name}" for name, row in TABLES.items() if row.for_all),
}
DRAWING = {"gallery", *(f"figure_{name}" for name, row in FIGURES.items() if row.for_all)}


def change_config(checkout: Checkout, **changes: dict) -> None:
    raw = yaml.safe_load(checkout.config.read_text())
    for key, value in changes.items():
        raw[key] = {**raw.get(key, {}), **value} if isinstance(value, dict) else value
    checkout.config.write_text(yaml.safe_dump(raw))


def test_nothing_is_pending_after_a_run(finished: Checkout) -> None:
    assert finished.pending() == []


def test_a_comment_and_a_docstring_re_run_nothing(checkout: Checkout) -> None:
    for path in sorted((checkout.root / "src").rglob("*.py")):
        path.write_text(path.read_text() + "\n# A remark.\n")
    checkout.edit(
        "src/continual_vqa/evaluation/vqa_accuracy.py", "from __future__", "# why\nfrom __future__"
    )
    assert checkout.pending() == []


def test_an_edited_scorer_re_runs_scoring_and_what_follows(checkout: Checkout) -> None:
    path = checkout.root / "src/continual_vqa/evaluation/vqa_accuracy.py"
    path.write_text(path.read_text() + "\nEDITED = True\n")
    pending = checkout.pending_rules()
    assert set(pending) == {"score", *AFTER_SCORES}
    scores = len(list((checkout.results() / "scores").rglob("*.parquet")))
    assert pending["score"] == scores
    causes = explain(checkout.pending(), checkout.root / NOTES)
    assert {c.root for c in causes} == {"score"}
    assert all("code changed: evaluation.vqa_accuracy" in c.words for c in causes)


def test_a_new_seed_runs_its_own_stages_only(checkout: Checkout) -> None:
    raw = yaml.safe_load(checkout.config.read_text())
    change_config(checkout, seeds=[*raw["seeds"], 7])
    pending = checkout.pending()
    rules = Counter(job.rule for job in pending)
    assert set(rules) == {"train", "predict", "score", *AFTER_SCORES}
    staged = [job for job in pending if job.rule in ("train", "predict", "score")]
    assert all("seed-7/" in job.outputs[0] for job in staged)
    assert rules["train"] == rules["predict"] == rules["score"]


def test_a_plot_colour_redraws_figures_only(checkout: Checkout) -> None:
    change_config(checkout, figures={"heatmap": "magma"})
    assert set(checkout.pending_rules()) == DRAWING
    causes = explain(checkout.pending(), checkout.root / NOTES)
    assert any('heatmap was "cividis", is "magma"' in c.words for c in causes)


def test_a_setting_of_the_style_file_redraws_figures_only(checkout: Checkout) -> None:
    style = "src/continual_vqa/analysis/figures/paper.mplstyle"
    checkout.edit(style, "grid.linewidth: 0.6", "# As thin as the axes.\ngrid.linewidth: 0.6")
    assert checkout.pending() == []
    checkout.edit(style, "grid.linewidth: 0.6", "grid.linewidth: 0.8")
    assert set(checkout.pending_rules()) == DRAWING
    causes = explain(checkout.pending(), checkout.root / NOTES)
    assert any("style.grid.linewidth was 0.6, is 0.8" in c.words for c in causes)


def test_a_training_value_re_runs_training_and_what_follows(checkout: Checkout) -> None:
    change_config(checkout, training={"lr": 0.00077})
    pending = checkout.pending_rules()
    assert set(pending) == {"train", "predict", "score", *AFTER_SCORES}
    causes = explain(checkout.pending(), checkout.root / NOTES)
    assert any("training.lr was" in c.words and "is 0.00077" in c.words for c in causes)


def test_a_changed_annotation_re_runs_the_cells_that_hold_it(checkout: Checkout) -> None:
    world = next((checkout.results() / "miniature").iterdir())
    path = world / "vqav2" / "v2_mscoco_val2014_annotations.json"
    document = json.loads(path.read_text())
    annotation = document["annotations"][0]
    first, other = annotation["multiple_choice_answer"], document["annotations"][1]
    assert first
    for answer in annotation["answers"]:
        answer["answer"] = other["multiple_choice_answer"]
    annotation["multiple_choice_answer"] = other["multiple_choice_answer"]
    path.write_text(json.dumps(document))
    before = {p: p.stat().st_mtime_ns for p in checkout.results().rglob("*.parquet")}
    checkout.snakemake()
    changed = [p for p, time in before.items() if p.stat().st_mtime_ns != time]
    cells = [p for p in changed if "cells" in p.parts]
    (cell,) = [p for p in cells if p.name == "index.parquet"]
    assert "test" in cell.parts
    assert set(cells) == {cell, cell.parent.parent / "manifest.parquet"}
    assert not [p for p in changed if "stages" in p.parts]
    assert [p for p in changed if "scores" in p.parts]
    assert checkout.pending() == []


def test_reformatted_annotations_re_run_the_index_only(checkout: Checkout) -> None:
    world = next((checkout.results() / "miniature").iterdir())
    path = world / "vqav2" / "v2_mscoco_train2014_annotations.json"
    path.write_text(json.dumps(json.loads(path.read_text()), indent=1))
    before = {p: p.stat().st_mtime_ns for p in checkout.results().rglob("*.parquet")}
    checkout.snakemake()
    changed = {p.name for p, time in before.items() if p.stat().st_mtime_ns != time}
    assert changed == {"questions.parquet"}


def test_a_failing_index_leaves_earlier_results(checkout: Checkout) -> None:
    world = next((checkout.results() / "miniature").iterdir())
    path: Path = world / "vqav2" / "v2_mscoco_train2014_annotations.json"
    whole = path.read_bytes()
    questions = checkout.results() / "data" / "questions.parquet"
    before = questions.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    failed = checkout.snakemake("--show-failed-logs", check=False)
    assert failed.returncode
    assert "truncated JSON" in failed.stdout + failed.stderr
    assert questions.read_bytes() == before
    path.write_bytes(whole)
    pending = checkout.pending_rules()
    assert set(pending) <= {"index"}


def test_a_rule_whose_first_command_fails_has_failed(checkout: Checkout) -> None:
    """Its last one would hide it, if the shell did not stop."""
    checkout.edit(
        "workflow/rules/evaluate.smk",
        '"python -m continual_vqa score ',
        '"false; python -m continual_vqa score ',
    )
    scores = next(checkout.results().glob("scores/seed-0/*.parquet"))
    done = checkout.snakemake("--force", str(scores.relative_to(checkout.root)), check=False)
    assert done.returncode != 0
    assert not scores.exists()


def test_the_cost_of_another_seed_is_told_from_the_first(checkout: Checkout) -> None:
    command = [sys.executable, "-m", "continual_vqa", "plan", "--configfile", "config/tiny.yaml"]
    command += ["--config", "seeds=[0, 1]", "--estimate", "--cores", "2"]
    environment = {**os.environ, "PYTHONPATH": str(checkout.root / "src")}

    def told(*arguments: str) -> str:
        return subprocess.run(
            [*command, *arguments],
            cwd=checkout.root,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    summary = json.loads(told("--json"))
    kinds = {row["kind"]: row["jobs"] for row in summary["kinds"]}
    # Two streams share the first stage; each has two more, and joint training one.
    assert kinds["train"] == 1 + 2 * 2 + 2
    assert not {"index", "shard", "base", "miniature"} & kinds.keys()
    assert summary["unknown"] == 0
    assert summary["core_seconds"] > 0
    assert summary["bytes"] > 0
    assert "hours on 2 cores" in told().splitlines()[-1]
