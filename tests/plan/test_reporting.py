"""Which figures and tables a study has, by its orders, its tasks and its recipes' slots."""

from __future__ import annotations

import json
from pathlib import Path

from continual_vqa.config.guards import AlignGuard
from continual_vqa.config.load import load_study
from continual_vqa.config.merge import AverageMerge
from continual_vqa.config.published import read_published
from continual_vqa.config.recipe import Recipe
from continual_vqa.plan.comparisons import alignment_sweeps, suited
from continual_vqa.plan.reporting import (
    ALL_ORDERS,
    ALL_STREAMS,
    FIGURES,
    MANY_TASKS,
    TABLES,
    FigureRow,
)
from continual_vqa.plan.streams import make_stream
from continual_vqa.plan.study_plan import Plan

SKILLS = tuple(f"skill-{n}" for n in range(MANY_TASKS))


def aligned(*tops: float, **changes: object) -> dict[str, Recipe]:
    recipe = Recipe(start="merged", deploy=AverageMerge())
    return {
        f"p{top}{changes.get('reset', '')}": recipe.model_copy(
            update={"guards": (AlignGuard.model_validate({"top": top, **changes}),)}
        )
        for top in tops
    }


def test_a_figure_over_orders_is_drawn_once_for_two_orders_or_more() -> None:
    row = FigureRow("Orders", over_orders=True)
    one = make_stream("published", "none", SKILLS[:3], ("G1", "G2"))
    held = make_stream("reversed", "G1", SKILLS[:3], ("G1", "G2"))
    two = make_stream("reversed", "none", SKILLS[:3], ("G1", "G2"))
    assert row.streams([one]) == row.streams([one, held]) == []
    assert row.streams([one, two, held]) == [ALL_ORDERS]
    assert not TABLES["orders"].fits([one, held])
    assert TABLES["orders"].fits([one, two])


def test_a_figure_of_many_tasks_is_drawn_for_long_streams() -> None:
    row = FIGURES["many_tasks"]
    short, long = (make_stream("published", "none", SKILLS[:n], ("G1",)) for n in (19, 20))
    assert row.streams([short]) == [] and row.streams([long]) == ["published"]


def test_a_sweep_differs_in_the_aligned_share_alone() -> None:
    found = alignment_sweeps(aligned(0.5, 0.1, 0.9))
    assert found == ({"p0.1": 0.1, "p0.5": 0.5, "p0.9": 0.9},)
    assert list(found[0]) == ["p0.1", "p0.5", "p0.9"]
    assert alignment_sweeps(aligned(0.5, 0.1)) == ()
    both = alignment_sweeps(aligned(0.1, 0.5, 0.9) | aligned(0.1, 0.5, 0.9, reset="start"))
    assert [len(group) for group in both] == [3, 3]
    assert alignment_sweeps(aligned(0.1, 0.5) | aligned(0.9, every=7)) == ()


def test_merging_figures_are_about_merging_recipes() -> None:
    recipes = {"plain": Recipe(), **aligned(0.1, 0.5, 0.9)}
    assert suited("align", recipes) == suited("merge", recipes) == ["p0.1", "p0.5", "p0.9"]
    assert suited("align_sweep", recipes) == ["p0.1", "p0.5", "p0.9"]
    assert suited("align_sweep", {"plain": Recipe(), **aligned(0.1)}) == []


def test_a_study_of_orders_has_their_figure_and_their_table() -> None:
    plain = Plan(load_study({"stream": {"held_out": ["none"]}}))
    assert plain.drawn(FIGURES["orders"]) == [] and "orders" not in plain.tables
    orders = {"orders": ["published", "reversed"], "held_out": ["none"]}
    study = Plan(load_study({"stream": orders}))
    assert study.drawn(FIGURES["orders"]) == [(ALL_ORDERS, "")]
    assert "orders" in study.tables


def test_published_numbers_have_a_figure_and_a_table_where_the_config_names_them() -> None:
    row, table = FIGURES["published"], TABLES["published"]
    plain = Plan(load_study({}))
    assert plain.drawn(row) == [] and "published" not in plain.tables
    assert not row.for_all and not table.for_all
    study = Plan(load_study({"published": ["vqacl"]}))
    assert study.drawn(row) == [(ALL_STREAMS, "")] and "published" in study.tables
    (file,) = study.published_by(table)
    assert Path(file).name == "vqacl.yaml" and Path(file).is_file()
    told = json.loads(study.told(row))
    assert told["data.dataset"] == "miniature" and told["stream.groups"] == "all"
    assert "seeds" not in told and set(told) == read_published("vqacl").keys
    assert (study.published_by(TABLES["main"]), study.told(TABLES["main"])) == ([], "{}")


def test_what_published_numbers_do_not_ask_for_changes_nothing_of_them() -> None:
    def told(**changes: object) -> str:
        return Plan(load_study({"published": ["vqacl"], **changes})).told(TABLES["published"])

    assert told() == told(seeds=[4], figures={"dpi": 72}, probe={"recipes": "all"})
    assert told() != told(replay={"size": 7})
