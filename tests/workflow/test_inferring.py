"""Methods that infer the task of a question run the whole way, from YAML alone."""

from __future__ import annotations

import csv
import subprocess

import polars as pl
import pytest
import yaml

from continual_vqa.config.load import load_study
from continual_vqa.plan.study_plan import Plan

from .conftest import Checkout

PAIRS = {"atlas": "atlas_inferred", "mine": "mine_inferred"}
# Adapters trained one after the other, each task answered by the state after it.
MINE = {"tune": {"kind": "adapter", "width": 4}, "deploy": "own"}
CUSTOM = {"mine": MINE, "mine_inferred": {**MINE, "deploy": "inferred"}}
TASKS = ["count", "location"]


@pytest.fixture(scope="module")
def inferred(finished: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The tiny study on two skills, with methods to which the task is given, or which infer it."""
    root = tmp_path_factory.mktemp("inferred") / "study"
    subprocess.run(["cp", "-a", str(finished.root), str(root)], check=True)
    study = Checkout(root, root / "config" / "tiny.yaml")
    raw = yaml.safe_load(study.config.read_text())
    raw["stream"] |= {"skills": ["location", "count"], "groups": ["G1"], "held_out": ["none"]}
    raw |= {"recipes": [*PAIRS, *PAIRS.values()], "custom_recipes": CUSTOM}
    study.config.write_text(yaml.safe_dump(raw))
    study.snakemake()
    return study


def table(study: Checkout, name: str) -> pl.DataFrame:
    return pl.read_parquet(study.results() / "metrics" / f"{name}.parquet")


def plan_of(study: Checkout) -> Plan:
    return Plan(load_study(yaml.safe_load(study.config.read_text())))


def test_every_method_answers_both_tasks(inferred: Checkout) -> None:
    metrics = table(inferred, "metrics").filter(pl.col("group") == "", pl.col("step") == 2)
    answered = metrics.group_by("recipe").agg(pl.col("task").sort())
    names = (*PAIRS, *PAIRS.values())
    assert dict(answered.iter_rows()) == dict.fromkeys(names, TASKS)


def test_a_question_whose_task_is_told_right_is_answered_as_if_it_were_given(
    inferred: Checkout,
) -> None:
    plan = plan_of(inferred)
    root, paths = inferred.root, plan.paths
    runs = {run.recipe: run for run in plan.runs}
    for given, name in PAIRS.items():
        (one,) = runs[name].answers[-1]
        routes = pl.read_parquet(root / paths.routes.format(answers=one.id))
        answers = pl.read_parquet(root / paths.predictions.format(answers=one.id))
        assert answers["question_id"].equals(routes["question_id"])
        own = pl.concat(
            pl.read_parquet(root / paths.predictions.format(answers=each.id))
            for each in runs[given].answers[-1]
        )
        right = routes.filter(pl.col("task") == pl.col("inferred"))["question_id"]
        assert len(right)
        both = answers.join(own, on="question_id").filter(
            pl.col("question_id").is_in(right.implode())
        )
        assert both["answer"].equals(both["answer_right"], check_names=False)


def test_the_inference_is_reported(inferred: Checkout) -> None:
    counted = table(inferred, "routing")
    assert set(counted["recipe"]) == set(PAIRS.values())
    first = counted.filter(pl.col("step") == 1)
    assert first["n"].equals(first["correct"], check_names=False) and all(first["n"])
    tables = inferred.results() / "tables"
    rows = csv.DictReader((tables / "routing.csv").read_text().splitlines())
    assert {row["task"] for row in rows} == {"all tasks", *TASKS}
    text = (tables / "main.csv").read_text()
    main = {row["recipe"]: row for row in csv.DictReader(text.splitlines())}
    known = {name: row["task id at test"] for name, row in main.items()}
    assert known["ATLAS"] == "given" and known["ATLAS, task inferred"] == "inferred"


def test_a_new_method_trains_and_counts_nothing_again(inferred: Checkout) -> None:
    raw = yaml.safe_load(inferred.config.read_text())
    raw["custom_recipes"]["blank"] = {**CUSTOM["mine_inferred"], "title": "The same again"}
    raw["recipes"] = [*raw["recipes"], "blank"]
    changed = inferred.root / "config" / "changed.yaml"
    changed.write_text(yaml.safe_dump(raw))
    pending = Checkout(inferred.root, changed).pending_rules()
    assert not {"train", "words", "route", "predict", "score"} & set(pending)
    assert pending["aggregate"] == pending["routing"] == 1
