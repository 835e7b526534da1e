"""What is measured of banks of adapters, and which files tell what a recipe keeps and costs."""

from __future__ import annotations

from continual_vqa.config.load import load_study
from continual_vqa.plan.reporting import FIGURES
from continual_vqa.plan.study_plan import Plan

STREAM = {"skills": ["location", "count", "color"], "held_out": ["none"]}
FIGURES_OF_BANKS = ("bank_weights", "bank_redundancy", "bank_growth", "stage_cost")


def plan(*recipes: str, **raw: object) -> Plan:
    return Plan(load_study({"stream": STREAM, "recipes": list(recipes), **raw}))


def test_every_task_of_a_bank_is_measured_after_its_last_phase() -> None:
    study = plan("sequential_adapter", "atlas", seeds=[0, 1])
    stages = [s for run in study.runs if run.recipe == "atlas" for s in run.stages]
    assert list(study.banks) == [stage.id for stage in stages]
    assert {stage.phase for stage in stages} == {"expansion"}
    for stage in stages:
        cells = study.banks[stage.id].cells
        assert cells and all(cell.split("/")[:2] == ["test", stage.task] for cell in cells)


def test_costs_are_those_of_all_recipes() -> None:
    study = plan("sequential_adapter", "joint", "atlas")
    assert [(row["recipe"], row["step"]) for row in study.banked] == [
        *(("sequential_adapter", step) for step in (1, 2, 3)),
        ("joint", 3),
        *(("atlas", step) for step in (1, 2, 3)),
    ]
    phases = {
        (row["recipe"], row["step"]): [job["phase"] for job in row["training"]]
        for row in study.banked
    }
    assert phases["atlas", 1] == ["expansion"]
    assert phases["atlas", 3] == ["experience", "expansion"]
    assert phases["joint", 3] == phases["sequential_adapter", 2] == [""]
    assert all(bool(row["use"]) == (row["recipe"] == "atlas") for row in study.banked)


def test_kept_is_what_answers_the_tasks_so_far() -> None:
    recipes = ("sequential", "independent_adapter", "atlas", "pam", "olora")
    study = plan(*recipes, backbone={"lora": {"rank": 4}})
    kept = {(row["recipe"], row["step"]): row["kept"] for row in study.banked}
    counts = {name: [len(kept[name, step]) for step in (1, 2, 3)] for name in recipes}
    assert counts == {
        "sequential": [1, 1, 1],
        "independent_adapter": [1, 2, 3],
        "atlas": [1, 2, 3],
        "pam": [1, 1, 1],
        "olora": [1, 2, 3],
    }
    assert "/merges/" in kept["pam", 3][0]


def test_studies_without_a_bank_are_left_alone() -> None:
    study = plan("sequential_adapter", "independent_adapter")
    assert study.banks == {} and study.banked == []
    assert not any(study.drawn(FIGURES[name]) for name in FIGURES_OF_BANKS)
    banked = plan("sequential_adapter", "atlas")
    assert banked.drawn(FIGURES["bank_weights"]) == [("published", "atlas")]
    assert all(banked.drawn(FIGURES[name]) for name in FIGURES_OF_BANKS)
