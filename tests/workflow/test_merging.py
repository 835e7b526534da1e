"""Merging methods run the whole way; a new one costs YAML and no code."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import polars as pl
import pytest
import yaml

from continual_vqa.config.load import load_study
from continual_vqa.config.recipes import RECIPES
from continual_vqa.files.tensors import read_header
from continual_vqa.plan.study_plan import Plan

from .conftest import Checkout

# Combinations that no row of the recipes table names.
CUSTOM = {
    "aim+pam": {
        "tune": "lora",
        "start": "merged",
        "guards": [{"kind": "mask"}, {"kind": "align", "every": 2, "top": 1.0}],
        "deploy": {"kind": "average"},
    },
    "ties-in-updates": {
        "tune": "lora",
        "start": "base",
        "deploy": {"kind": "ties", "of": "all", "space": "updates"},
    },
}
ROWS = ("independent", "olora", "pam_er", "pam_lwf")


def plan_of(study: Checkout) -> Plan:
    return Plan(load_study(yaml.safe_load(study.config.read_text())))


@pytest.fixture(scope="module")
def merged(finished: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The tiny study on two skills and factors, with methods that merge."""
    root = tmp_path_factory.mktemp("merged") / "study"
    subprocess.run(["cp", "-a", str(finished.root), str(root)], check=True)
    study = Checkout(root, root / "config" / "tiny.yaml")
    raw = yaml.safe_load(study.config.read_text())
    raw["stream"] |= {"skills": ["location", "count"], "groups": ["G1"], "held_out": ["none"]}
    raw |= {"backbone": {**raw.get("backbone", {}), "lora": {"rank": 4}}}
    raw |= {"recipes": [*ROWS, *CUSTOM], "custom_recipes": CUSTOM}
    study.config.write_text(yaml.safe_dump(raw))
    study.snakemake()
    return study


def table(study: Checkout, name: str) -> pl.DataFrame:
    return pl.read_parquet(study.results() / "metrics" / f"{name}.parquet")


def test_every_method_answers_both_tasks(merged: Checkout) -> None:
    metrics = table(merged, "metrics").filter(pl.col("group") == "", pl.col("step") == 2)
    answered = metrics.group_by("recipe").agg(pl.col("task").sort())
    assert {row["recipe"]: row["task"] for row in answered.to_dicts()} == {
        name: ["count", "location"] for name in (*ROWS, *CUSTOM)
    }


def test_no_rule_and_no_trainer_knows_a_method(repository: Path) -> None:
    # "joint" is also what the one task of a joint stage is called.
    names = "|".join(map(re.escape, sorted(RECIPES.keys() - {"joint"})))
    named = re.compile(rf"""["']({names})["']""")
    package = repository / "src" / "continual_vqa"
    read = [*(repository / "workflow").rglob("*.smk"), *(package / "training").glob("*.py")]
    assert len(read) > 20
    found = {path.name: named.findall(path.read_text()) for path in read}
    assert {name: names for name, names in found.items() if names} == {}


def test_each_task_of_the_oracle_keeps_its_accuracy(merged: Checkout) -> None:
    metrics = table(merged, "metrics")
    own = metrics.filter(pl.col("recipe") == "independent", pl.col("task") == "location")
    assert own.filter(pl.col("group") == "")["accuracy"].n_unique() == 1
    main = (merged.results() / "tables" / "main.csv").read_text()
    (line,) = (line for line in main.splitlines() if "Independent" in line)
    assert "given" in line


def test_merged_files_say_what_they_are_made_of(merged: Checkout) -> None:
    plan = plan_of(merged)
    kinds = set()
    for merge in plan.merges.values():
        header, _ = read_header(merged.root / merge.path(plan.paths))
        assert header["stage"] == merge.id
        report = json.loads((merged.root / merge.report(plan.paths)).read_text())
        assert len(report["inputs"]) == len(merge.models) == 2
        drift = json.loads((merged.root / plan.paths.drift.format(merge=merge.id)).read_text())
        assert {row["task"] for row in drift["models"]} == {"location", "count"}
        assert sum(part["entries"] for part in report["parts"].values()) > 0
        kinds.add((report["kind"], report["config"]["space"]))
    assert kinds == {("average", "tensors"), ("ties", "updates")}


def test_conflicts_are_collected_and_drawn(merged: Checkout) -> None:
    alignment = table(merged, "alignment")
    assert set(alignment["recipe"]) == {"aim+pam", "pam_er", "pam_lwf"}
    assert alignment.filter(pl.col("recipe") == "aim+pam")["entries"].min() > 0
    assert set(table(merged, "merges")["kind"]) == {"average", "ties"}
    figures = {path.stem for path in merged.results().glob("figures/published/*.png")}
    assert {"sign_conflicts", "merge_cost"} <= figures


def test_a_merge_alone_runs_again_when_its_settings_change(merged: Checkout) -> None:
    raw = yaml.safe_load(merged.config.read_text())
    raw["custom_recipes"]["ties-in-updates"]["deploy"]["density"] = 0.5
    changed = merged.root / "config" / "changed.yaml"
    changed.write_text(yaml.safe_dump(raw))
    pending = Checkout(merged.root, changed).pending_rules()
    assert pending["merge"] == 1
    assert "train" not in pending
    assert pending["predict"] == pending["score"] == 1
