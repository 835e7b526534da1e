"""The tables of a study: TABLES maps a name to the function that fills it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from continual_vqa.analysis.differences_table import differences_table
from continual_vqa.analysis.orders import orders_of, over_orders
from continual_vqa.analysis.paired import paired_table
from continual_vqa.analysis.published_table import published_table
from continual_vqa.analysis.ranks import ranks_table
from continual_vqa.analysis.routing_table import routing_table
from continual_vqa.analysis.statistics import Estimate
from continual_vqa.analysis.study_results import Results, interval_phrase
from continual_vqa.analysis.table_parts import Column, Table
from continual_vqa.analysis.transfer_tables import (
    transfer_paired_table,
    transfer_table,
    upstream_table,
)
from continual_vqa.config.recipe import Recipe

# Heading of the label that `task_id_at_test` fills.
TASK_ID = "task id at test"


def task_id_at_test(recipe: Recipe) -> str:
    """Whether a question's task chooses the weights that answer it, and where it is known from."""
    deploy = recipe.deploy if isinstance(recipe.deploy, str) else ""
    return {"own": "given", "inferred": "inferred"}.get(deploy, "not needed")


def main_table(results: Results) -> Table:
    """Recipes x AP, AF, BWT and learning accuracy, for every stream without a held-out group."""
    metrics = {
        "AP": "AP (%)",
        "AF": "AF (points)",
        "BWT": "BWT (points)",
        "learning_accuracy": "learning accuracy (%)",
    }
    streams = results.streams(novel=False) or results.streams(novel=True)
    return _recipes(results, streams, metrics, "All test questions.")


def novel_table(results: Results) -> Table:
    """Recipes x accuracy on seen and on novel compositions, for every held-out group."""
    metrics = {
        "novel_AP": "novel AP (%)",
        "novel_AF": "novel AF (points)",
        "seen_AP": "seen AP (%)",
        "seen_AF": "seen AF (points)",
        "composition_gap": "gap (points)",
    }
    note = (
        "Final accuracy on the composition skills; novel: the held-out group, never trained with "
        "the skill; seen: all other groups; gap: seen minus novel."
    )
    return _recipes(results, results.streams(novel=True), metrics, note)


def skill_table(results: Results) -> Table:
    """Skills x final accuracy and forgetting, for every recipe of the main stream."""
    stream = results.main_stream()
    rows = []
    for recipe in results.recipes(stream):
        for task in results.tasks(stream):
            estimates = tuple(
                results.estimate(stream, recipe, metric, task)
                for metric in ("final_accuracy", "forgetting")
            )
            rows.append(((results.titles[recipe], task), estimates))
    columns = (Column("final accuracy (%)"), Column("forgetting (points)"))
    note = f"Stream {stream}, skills in the order in which they are learned."
    return _table(("recipe", "skill"), columns, rows, note)


def orders_table(results: Results) -> Table:
    """Recipes x AP and BWT: mean over the orders of the tasks, spread, and AP in each order."""
    orders = orders_of(results)
    recipes = list(dict.fromkeys(r for stream in orders for r in results.recipes(stream)))
    rows, seen = [], []
    for recipe in recipes:
        accuracy, transfer = (over_orders(results, recipe, metric) for metric in ("AP", "BWT"))
        each = [results.estimate(stream, recipe, "AP") for stream in orders]
        seen += each
        estimates = [accuracy.mean, accuracy.spread_estimate]
        estimates += [transfer.mean, transfer.spread_estimate, *each]
        labels = (results.titles[recipe], task_id_at_test(results.slots[recipe]))
        rows.append((labels, tuple(estimates)))
    overall = ("AP (%)", "AP spread (points)", "BWT (points)", "BWT spread (points)")
    columns = [Column(heading, counted="orders") for heading in overall]
    columns += [Column(f"AP, {order} (%)") for order in orders.values()]
    note = (
        f"Mean over {len(orders)} orders of the means over seeds, with its 95 % t interval over "
        "orders; spread: standard deviation of these means. One order: over "
        f"{interval_phrase(seen)}."
    )
    return Table(("recipe", TASK_ID), tuple(columns), tuple(rows), note)


TABLES: dict[str, Callable[[Results], Table]] = {
    "main": main_table,
    "skills": skill_table,
    "novel": novel_table,
    "paired": paired_table,
    "differences": differences_table,
    "ranks": ranks_table,
    "orders": orders_table,
    "routing": routing_table,
    "upstream": upstream_table,
    "transfer": transfer_table,
    "transfer_paired": transfer_paired_table,
    "published": published_table,
}


def _recipes(results: Results, streams: Sequence[str], metrics: dict[str, str], note: str) -> Table:
    rows = []
    for stream in streams:
        for recipe in results.recipes(stream):
            seeds = str(len(results.seeds(stream, recipe)))
            estimates = tuple(results.estimate(stream, recipe, metric) for metric in metrics)
            given = task_id_at_test(results.slots[recipe])
            rows.append(((stream, results.titles[recipe], given, seeds), estimates))
    columns = tuple(Column(heading) for heading in metrics.values())
    return _table(("stream", "recipe", TASK_ID, "seeds"), columns, rows, note)


def _table(
    labels: tuple[str, ...],
    columns: tuple[Column, ...],
    rows: Sequence[tuple[tuple[str, ...], tuple[Estimate, ...]]],
    note: str,
) -> Table:
    phrase = interval_phrase([estimate for _, estimates in rows for estimate in estimates])
    return Table(labels, columns, tuple(rows), f"{note} Over {phrase}.")
