"""The tables of downstream tasks: by recipe and task, and against what learns alone."""

from __future__ import annotations

import dataclasses
import math

import pyarrow as pa
import pytest

from analysis.merged_studies import RECIPES, merged_study
from analysis.transferred import TASKS, transferred
from continual_vqa.analysis.schemas import TRANSFER
from continual_vqa.analysis.study_results import Results
from continual_vqa.analysis.tables import TABLES
from continual_vqa.analysis.transfer_tables import ALL, learns_alone
from continual_vqa.config.guards import DistilGuard
from continual_vqa.config.recipes import RECIPES as BUILT_IN
from continual_vqa.errors import UserError

ALONE = ("ties", "independent")


@pytest.fixture(scope="module")
def results() -> Results:
    return transferred(merged_study(orders=("published",)))


def test_every_recipe_and_task_has_its_accuracies(results: Results) -> None:
    table = TABLES["transfer"](results)
    tasks = (ALL, *TASKS)
    titles = [recipe.title for recipe in RECIPES.values()]
    assert [labels for labels, _ in table.rows] == [
        ("published", title, task) for title in titles for task in tasks
    ]
    for place, _ in enumerate(titles):
        (alone, after, gain, _), (first, *_), (second, *_) = (
            estimates for _, estimates in table.rows[3 * place : 3 * place + 3]
        )
        # Seeds 0 and 1: alone 35 and 37, after 40 + place and 41 + place; the second task 4 more.
        assert (alone.mean, after.mean) == (38.0, 42.5 + place)
        assert (first.mean, second.mean) == (36.0, 40.0)
        assert gain.mean == pytest.approx(4.5 + place) and gain.count == 2


def test_what_goes_on_is_compared_with_what_learns_alone(results: Results) -> None:
    table = TABLES["transfer_paired"](results)
    others = [RECIPES[name].title for name in ALONE]
    names = [name for name in RECIPES if name not in ALONE]
    assert [labels[1:] for labels, _ in table.rows] == [
        (RECIPES[name].title, other) for name in names for other in others
    ]
    places = {recipe.title: place for place, recipe in enumerate(RECIPES.values())}
    for (_, reference, _), (each, means) in table.rows:
        # At seed 0 it is 5 + place above every recipe alone, at seed 1 a point less.
        assert each.mean == means.mean == pytest.approx(4.5 + places[reference])
        assert (each.count, means.count) == (4, 2)
        assert means.half_width > each.half_width > 0


def test_only_what_both_have_is_paired(results: Results) -> None:
    rows = results.further["transfer"].to_pylist()
    kept = [r for r in rows if r["recipe"] != "ties" and (r["seed"] == 0 or r["task"] == TASKS[0])]
    few = dataclasses.replace(results, further={"transfer": pa.Table.from_pylist(kept, TRANSFER)})
    table = TABLES["transfer_paired"](few)
    assert {other for (_, _, other), _ in table.rows} == {RECIPES["independent"].title}
    assert {each.count for _, (each, _) in table.rows} == {3}
    one = [r for r in kept if r["seed"] == 0]
    single = dataclasses.replace(results, further={"transfer": pa.Table.from_pylist(one, TRANSFER)})
    for _, (each, means) in TABLES["transfer_paired"](single).rows:
        assert each.count == 2 and means.count == 1 and math.isnan(means.low)


def test_without_the_table_it_is_asked_for() -> None:
    for name in ("transfer", "transfer_paired"):
        with pytest.raises(UserError, match="'transfer' is needed"):
            TABLES[name](merged_study(orders=("published",)))


def test_which_recipes_learn_alone() -> None:
    alone = [name for name, recipe in BUILT_IN.items() if learns_alone(recipe)]
    assert {"independent_head", "independent_adapter", "independent", "ties"} <= set(alone)
    assert not {"joint", "sequential", "er", "pam", "atlas", "olora"} & set(alone)
    for change in ({"guards": (DistilGuard(strength=1),)}, {"replay": "examples"}):
        assert not learns_alone(BUILT_IN["independent_adapter"].model_copy(update=change))
