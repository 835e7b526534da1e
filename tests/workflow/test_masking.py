"""A study with masks and penalties runs the whole way; methods share what they can."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from continual_vqa.config.load import load_study
from continual_vqa.config.recipes import RECIPES
from continual_vqa.files.tensors import ArrayFile, read_header
from continual_vqa.plan.study_plan import Plan

from .conftest import Checkout

GUARDED = ("ewc", "aim", "aim_global")


def plan_of(study: Checkout) -> Plan:
    return Plan(load_study(yaml.safe_load(study.config.read_text())))


@pytest.fixture(scope="module")
def masked(finished: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The tiny study on two skills, with guards added and one method probed."""
    root = tmp_path_factory.mktemp("masked") / "study"
    subprocess.run(["cp", "-a", str(finished.root), str(root)], check=True)
    study = Checkout(root, root / "config" / "tiny.yaml")
    raw = yaml.safe_load(study.config.read_text())
    raw["stream"] |= {"skills": ["location", "count"], "held_out": ["none"]}
    raw |= {"recipes": ["sequential", *GUARDED], "probe": {"recipes": ["aim"]}}
    study.config.write_text(yaml.safe_dump(raw))
    study.snakemake()
    return study


def rows(study: Checkout, table: str) -> list[dict]:
    return pq.read_table(study.results() / "metrics" / f"{table}.parquet").to_pylist()


def test_methods_share_the_importance_of_the_first_step(masked: Checkout) -> None:
    (importance,) = masked.results().glob("consolidation/seed-0/*/importance-*.safetensors")
    metadata, tensors = read_header(importance)
    assert metadata["format"] == "continual-vqa importance 1"
    assert set(json.loads(metadata["parts"])) == set(tensors)
    read_by = [row for row in plan_of(masked).surveyed if row["recipe"] in GUARDED]
    assert {masked.root / str(row["importance"]) for row in read_by} == {importance}


def test_masks_keep_their_budget_within_each_part_or_over_all(masked: Checkout) -> None:
    paths = list(masked.results().glob("consolidation/seed-0/*/mask-*.safetensors"))
    headers = [read_header(path)[0] for path in paths]
    scopes = {json.loads(h["settings"])["scope"]: json.loads(h["summary"]) for h in headers}
    assert set(scopes) == {"per_part", "global"}
    for part in scopes["per_part"].values():
        assert part["protected"] == round(part["budget"] * part["entries"])
    totals = [sum(part["protected"] for part in scope.values()) for scope in scopes.values()]
    assert totals[0] == totals[1]
    surveyed = {(row["scope"], row["part"]): row["protected"] for row in rows(masked, "masks")}
    assert surveyed == {
        (scope, part): row["protected"] for scope in scopes for part, row in scopes[scope].items()
    }


def test_survey_damage_figures_and_tables_are_there(masked: Checkout) -> None:
    entries: dict[tuple[str, str], int] = {}
    for row in rows(masked, "importance"):
        key = (row["recipe"], row["part"])
        entries[key] = entries.get(key, 0) + row["count"]
    assert {recipe for recipe, _ in entries} == set(GUARDED)
    assert len({entries[recipe, "vision"] for recipe in GUARDED}) == 1
    assert {row["jaccard"] for row in rows(masked, "overlap")} == {1.0}
    damage = {row["restored"]: row["accuracy"] for row in rows(masked, "damage")}
    assert set(damage) == {"none", "vision", "language", "both"}
    figures = {path.stem for path in masked.results().glob("figures/published/*.png")}
    expected = {"baselines", "damage", "importance", "mask_shares", "mask_overlap-aim"}
    assert expected <= figures and "mask_overlap-aim_global" not in figures
    assert "AIM, global quantile" in (masked.results() / "tables" / "paired.md").read_text()
    assert masked.pending() == []


def test_a_stronger_mask_trains_its_own_later_stages_only(masked: Checkout) -> None:
    text = masked.config.read_text()
    raw = yaml.safe_load(text)
    (mask,) = RECIPES["aim"].guards
    guard = mask.model_dump(mode="json") | {"strength": {"vision": 0.5, "language": 1.0}}
    raw["custom_recipes"] = {"softer": {"guards": [guard]}}
    raw["recipes"] = ["sequential", "ewc", "softer", "aim_global"]
    raw["probe"] = {"recipes": ["softer"]}
    masked.config.write_text(yaml.safe_dump(raw))
    try:
        pending = masked.pending()
        (last,) = [r.stages[-1] for r in plan_of(masked).runs if r.recipe == "softer"]
    finally:
        masked.config.write_text(text)
    made = [job for job in pending if job.rule in ("train", "predict", "score")]
    assert sorted(job.rule for job in made) == ["predict", "score", "train"]
    assert all(last.id in job.outputs[0] for job in made)
    # The same importance and the same mask: only how strongly it acts has changed.
    assert not {"importance", "mask"} & {job.rule for job in pending}


def test_probed_answers_are_those_of_the_last_model_with_one_part_restored(
    masked: Checkout,
) -> None:
    paths = sorted(masked.results().glob("probes/seed-0/*/predictions.parquet"))
    assert len(paths) == 2
    for path in paths:
        table = pq.read_table(path)
        assert set(table["task"].to_pylist()) == {"location"}
        assert set(table["step"].to_pylist()) == {2}


def test_processes_share_importance_and_answers_and_run_nothing_again(
    masked: Checkout, tmp_path: Path
) -> None:
    subprocess.run(["cp", "-a", str(masked.root), str(tmp_path / "study")], check=True)
    study = Checkout(tmp_path / "study", tmp_path / "study" / "config" / "tiny.yaml")
    raw = yaml.safe_load(study.config.read_text())
    two = {"train": {"processes": 2}, "predict": {"processes": 2}}
    raw["resources"] = {**raw["resources"], **two}
    study.config.write_text(yaml.safe_dump(raw))
    assert study.pending() == []
    folder = study.results()
    (importance,) = folder.glob("consolidation/seed-0/*/importance-*.safetensors")
    answers = sorted(folder.glob("predictions/seed-0/**/*.parquet"))[0]
    for path in (importance, answers):
        path.unlink()
    study.snakemake(*(str(path.relative_to(study.root)) for path in (importance, answers)))
    before, after = (
        ArrayFile(root / importance.relative_to(study.root)) for root in (masked.root, study.root)
    )
    assert before.metadata == after.metadata and before.infos == after.infos
    for name in before.infos:
        assert np.abs(after[name] - before[name]).max() <= 1e-5 * np.abs(before[name]).max()
    assert answers.read_bytes() == (masked.root / answers.relative_to(study.root)).read_bytes()


def test_nothing_of_masks_is_planned_without_them(finished: Checkout) -> None:
    done = finished.snakemake("--list-rules")
    listed = set((done.stdout + done.stderr).split())
    assert not {"survey", "probe", "damage", "figure_mask_shares"} & listed
    assert not Path(finished.results() / "metrics" / "masks.parquet").exists()
