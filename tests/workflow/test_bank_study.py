"""A study with a bank of adapters runs the whole way, and its tables say what its files hold."""

from __future__ import annotations

import subprocess
from pathlib import Path

import polars as pl
import pytest
import yaml

from continual_vqa.config.load import load_study
from continual_vqa.files.tensors import read_header
from continual_vqa.plan.study_plan import Plan

from .conftest import Checkout

FIGURES = {"bank_weights-atlas", "bank_redundancy-atlas", "bank_growth", "stage_cost"}


@pytest.fixture(scope="module")
def banked(finished: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The tiny study on two skills, with a bank and with one adapter that goes on learning."""
    root = tmp_path_factory.mktemp("banked") / "study"
    subprocess.run(["cp", "-a", str(finished.root), str(root)], check=True)
    study = Checkout(root, root / "config" / "tiny.yaml")
    raw = yaml.safe_load(study.config.read_text())
    raw["stream"] |= {"skills": ["location", "count"], "groups": ["G1"], "held_out": ["none"]}
    raw |= {"recipes": ["sequential_adapter", "atlas"], "adapters": {"questions": 7}}
    study.config.write_text(yaml.safe_dump(raw))
    study.snakemake("figures")
    return study


def table(study: Checkout, name: str) -> pl.DataFrame:
    return pl.read_parquet(study.results() / "metrics" / f"{name}.parquet")


def test_the_figures_of_banks_are_drawn(banked: Checkout) -> None:
    drawn = {path.stem for path in banked.results().glob("figures/published/*.png")}
    assert drawn >= FIGURES


def test_adapters_of_both_tasks_are_weighted_and_compared(banked: Checkout) -> None:
    rows = table(banked, "adapters")
    own = rows.filter(pl.col("other").is_null())
    asked = own.select("step", "adapter").unique().sort("step", "adapter").rows()
    assert asked == [(1, 1), (2, 1), (2, 2)]
    assert set(own.filter(pl.col("stack") == "encoder")["count"]) == {7}
    assert own["weight"].is_between(0, 1).all()
    pairs = rows.filter(pl.col("other").is_not_null())
    assert set(pairs.select("step", "adapter", "other").rows()) == {(2, 1, 2)}
    assert pairs["cosine"].is_between(-1.000001, 1.000001).all()


def test_growth_is_what_the_checkpoints_hold(banked: Checkout) -> None:
    plan = Plan(load_study(yaml.safe_load(banked.config.read_text())))
    (run,) = (run for run in plan.runs if run.recipe == "atlas")
    sizes = [
        sum(t.size for t in read_header(banked.root / s.path(plan.paths))[1].values())
        for s in run.stages
    ]
    growth = table(banked, "growth").sort("step")
    assert growth.filter(pl.col("recipe") == "atlas")["kept_entries"].to_list() == [
        sizes[0],
        sum(sizes),
    ]
    alone = growth.filter(pl.col("recipe") == "sequential_adapter")
    assert alone["kept_entries"].n_unique() == 1
    assert alone["own_entries"].to_list() == alone["adapter_entries"].to_list()


def test_every_job_has_its_cost(banked: Checkout) -> None:
    costs = table(banked, "costs")
    train = costs.filter(pl.col("work") == "train").sort("recipe", "step", "phase")
    assert train.select("recipe", "step", "phase").rows() == [
        ("atlas", 1, "expansion"),
        ("atlas", 2, "expansion"),
        ("atlas", 2, "experience"),
        ("sequential_adapter", 1, ""),
        ("sequential_adapter", 2, ""),
    ]
    assert costs["seconds"].min() > 0
    answers = costs.filter(pl.col("work") == "predict", pl.col("recipe") == "sequential_adapter")
    counts = answers.sort("step")["questions"].to_list()
    assert 0 < counts[0] < counts[1]


def test_more_questions_measure_again_and_train_nothing(banked: Checkout) -> None:
    raw = yaml.safe_load(banked.config.read_text())
    raw["adapters"]["questions"] = 9
    changed: Path = banked.root / "config" / "changed.yaml"
    changed.write_text(yaml.safe_dump(raw))
    pending = Checkout(banked.root, changed).pending_rules("figures")
    assert pending["adapters"] == 2 and pending["banks"] == 1
    assert not {"train", "predict", "score", "aggregate"} & set(pending)
