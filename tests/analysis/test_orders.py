"""What is said of orders is what NumPy says of the same values."""

from __future__ import annotations

import csv
import io
import math

import numpy as np
import pytest

from analysis.merged_studies import ORDERS, RECIPES, merged_study
from continual_vqa.analysis.orders import ORDERS as INTERVAL
from continual_vqa.analysis.orders import over_orders
from continual_vqa.analysis.statistics import student_t
from continual_vqa.analysis.study_results import Results
from continual_vqa.analysis.table_formats import as_csv
from continual_vqa.analysis.tables import TABLES, task_id_at_test
from continual_vqa.config.recipe import Recipe
from continual_vqa.errors import UserError

SEEDS = (0, 1, 2)


@pytest.fixture(scope="module")
def results() -> Results:
    return merged_study(seeds=SEEDS)


def values(results: Results, recipe: str, metric: str) -> np.ndarray:
    """[orders, seeds]"""
    rows = [results.by_seed(order, recipe, metric) for order in ORDERS]
    return np.array([[row[seed] for seed in SEEDS] for row in rows])


@pytest.mark.parametrize("metric", ["AP", "BWT"])
def test_the_spread_is_that_of_the_orders_means(results: Results, metric: str) -> None:
    means = values(results, "pam", metric).mean(axis=1)
    found = over_orders(results, "pam", metric)
    assert list(found.by_order) == list(ORDERS)
    assert [e.mean for e in found.by_order.values()] == pytest.approx(means)
    assert found.spread == pytest.approx(means.std(ddof=1))
    assert (found.mean.mean, found.mean.count) == (pytest.approx(means.mean()), len(ORDERS))
    half = student_t(0.95, 2) * means.std(ddof=1) / math.sqrt(3)
    assert found.mean.half_width == pytest.approx(half)
    assert found.mean.interval == INTERVAL


def test_what_is_not_defined_is_left_out(results: Results) -> None:
    found = over_orders(results, "joint_lora", "BWT")
    assert (found.by_order, found.mean.count) == ({}, 0)
    assert math.isnan(found.spread)


def test_one_order_has_no_spread() -> None:
    with pytest.raises(UserError, match=r"two orders.*stream\.orders"):
        over_orders(merged_study(orders=("published",)), "pam", "AP")


def test_the_table_has_a_column_an_order(results: Results) -> None:
    table = TABLES["orders"](results)
    assert [labels[0] for labels, _ in table.rows] == [r.title for r in RECIPES.values()]
    rows = {row["recipe"]: row for row in csv.DictReader(io.StringIO(as_csv(table)))}
    means = values(results, "average", "AP").mean(axis=1)
    row = rows["Average"]
    assert float(row["AP spread (points) mean"]) == pytest.approx(means.std(ddof=1), abs=1e-6)
    assert (row["AP (%) orders"], row["AP, reversed (%) seeds"]) == ("3", "3")
    assert [float(row[f"AP, {o} (%) mean"]) for o in ORDERS] == pytest.approx(means, abs=1e-6)
    assert rows["Joint, LoRA"]["BWT (points) mean"] == ""
    assert "3 orders" in table.note and "3 seeds" in table.note


def test_tables_say_where_the_task_is_given_at_test(results: Results) -> None:
    given = {labels[0]: labels[1] for labels, _ in TABLES["orders"](results).rows}
    assert {title for title, text in given.items() if text == "given"} == {"Independent per task"}
    main = TABLES["main"](results)
    place = main.labels.index("task id at test")
    assert {labels[1]: labels[place] for labels, _ in main.rows} == given
    assert task_id_at_test(Recipe()) == "not needed"


def test_pairs_are_taken_over_all_orders_too(results: Results) -> None:
    table = TABLES["paired"](results)
    over = {labels[2]: estimates for labels, estimates in table.rows if labels[0] == "all orders"}
    assert "Average" in over and "PAM" not in over
    difference = values(results, "pam", "AP") - values(results, "average", "AP")
    found = over["Average"][1]
    assert (found.mean, found.count) == pytest.approx((difference.mean(), difference.size))
    assert "all orders" in table.note
    alone = TABLES["paired"](merged_study(orders=("published",)))
    assert all(labels[0] == "published" for labels, _ in alone.rows)
