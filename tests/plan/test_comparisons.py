"""What figures and tables are about follows from the slots of the recipes."""

from __future__ import annotations

import pytest

from continual_vqa.config.load import load_study
from continual_vqa.config.recipe import Recipe
from continual_vqa.config.recipes import RECIPES
from continual_vqa.plan.comparisons import comparisons, guarded_alike, suited, variants
from continual_vqa.plan.probes import PARTS
from continual_vqa.plan.reporting import FIGURES
from continual_vqa.plan.study_plan import Plan


def some(*names: str) -> dict[str, Recipe]:
    return {name: RECIPES[name] for name in names}


def strengths(*values: float, kind: str = "penalty") -> dict[str, Recipe]:
    slots = [{"guards": [{"kind": kind, "strength": value}]} for value in values]
    return {f"v{i}": Recipe.model_validate(slot) for i, slot in enumerate(slots)}


def plan(**raw: object) -> Plan:
    return Plan(load_study({"stream": {"held_out": ["none", "G1"]}, **raw}))


def test_like_is_compared_with_like() -> None:
    found = comparisons(some("joint", "er", "sequential", "aim_global", "aim", "ewc", "aim_er"))
    assert [(c.reference, c.others) for c in found] == [
        ("aim", ("sequential", "aim_global", "ewc")),
        ("aim_er", ("er",)),
    ]
    assert comparisons(some("sequential", "aim_global")) == ()
    merged = comparisons(some("joint_lora", "sequential", "average", "pam", "pam_lwf", "aim"))
    assert [(c.reference, c.others) for c in merged] == [
        ("pam", ("average", "pam_lwf")),
        ("aim", ("sequential",)),
    ]
    assert comparisons(some("joint", "aim")) == ()


def test_a_method_stands_before_itself_with_replay() -> None:
    found = guarded_alike(some("er", "ewc", "joint", "sequential", "ewc_er"))
    assert found == (("sequential", "er"), ("ewc", "ewc_er"))


def test_variants_differ_in_nothing_but_settings() -> None:
    swept = strengths(1, 10, 100)
    assert variants({**swept, **some("sequential", "aim", "er")}) == (tuple(swept),)
    assert variants(strengths(1, 10)) == ()
    replayed = {n: r.model_copy(update={"replay": "examples"}) for n, r in swept.items()}
    assert variants({**swept, "other": next(iter(replayed.values()))}) == (tuple(swept),)


@pytest.mark.parametrize(
    ("need", "names"),
    [
        ("", ["sequential", "ewc", "aim", "aim_global"]),
        ("importance", ["ewc", "aim", "aim_global"]),
        ("mask", ["aim", "aim_global"]),
        ("part_mask", ["aim"]),
        ("rival", ["sequential", "ewc", "aim", "aim_global"]),
        ("comparison", ["aim"]),
        ("variants", []),
        ("probe", ["ewc"]),
    ],
)
def test_what_recipes_have(need: str, names: list[str]) -> None:
    recipes = some("sequential", "joint", "ewc", "aim", "aim_global")
    assert suited(need, recipes, ["ewc", "joint"]) == names


def test_a_study_draws_only_what_it_has() -> None:
    plain = plan()
    assert {n for n, r in FIGURES.items() if plain.drawn(r)} == {
        n for n, r in FIGURES.items() if r.for_all
    }
    assert plain.surveyed == plain.damage_runs == [] and "paired" not in plain.tables
    masked = plan(recipes=["sequential", "aim", "aim_global"])
    assert masked.drawn(FIGURES["mask_overlap"]) == [("published", "aim")]
    assert masked.drawn(FIGURES["damage"]) == [] and "paired" in masked.tables


def test_the_survey_reads_every_importance_and_every_mask() -> None:
    study = plan(recipes=["ewc", "aim", "aim_er", "mas"], seeds=[0, 1])
    assert {row["importance"] for row in study.surveyed} == set(study.importances)
    assert {row["mask"] for row in study.surveyed} - {""} == set(study.masks)


def test_standard_runs_are_probed_part_by_part() -> None:
    study = plan(recipes=["sequential", "ewc", "joint"], probe={"recipes": "all"})
    assert {run.recipe for run in study.probed} == {"sequential", "ewc"}
    assert len(study.probes) == 2 * len(PARTS)
    probe = next(iter(study.probes.values()))
    assert probe.last.stage.task not in {cell.split("/")[1] for cell in probe.cells}
    tasks = len(probe.past)
    assert [a.split("=")[0] for a in study.earlier_arguments(probe)] == [
        past.stage.task for past in probe.past
    ]
    assert len(study.damage_runs) == 2 * tasks * (len(PARTS) + 2)


def test_probes_of_equal_last_stages_with_other_pasts_are_others() -> None:
    raw = {"skills": ["location", "count", "color"], "orders": ["published", "permutation-3"]}
    recipes = {"restarted": {"start": "base"}}
    study = plan(
        stream={**raw, "held_out": ["none"]},
        recipes=["restarted"],
        custom_recipes=recipes,
        probe={"recipes": "all"},
    )
    runs = {run.stream.order: run.stages for run in study.probed}
    assert len(study.probes) == len(PARTS) * len({tuple(s.id for s in r) for r in runs.values()})
