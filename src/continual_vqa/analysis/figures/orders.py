"""AP and BWT of every recipe in every order of the tasks: what the order alone changes."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from continual_vqa.analysis.figures.style import GREY, MARKERS, Style
from continual_vqa.analysis.orders import OverOrders, orders_of, over_orders
from continual_vqa.analysis.study_results import Results, interval_phrase

PANELS = {"AP": "AP (%)", "BWT": "BWT (points)"}
SHARED = 0.5  # of a row's height, over which its orders are laid out


def draw(results: Results, style: Style, stream: str, recipe: str) -> Figure:
    """A row a recipe, a mark a seed and order; bars: mean over orders ± their spread."""
    orders = orders_of(results)
    recipes = list(dict.fromkeys(r for name in orders for r in results.recipes(name)))
    marks = {order: MARKERS[n % len(MARKERS)] for n, order in enumerate(orders.values())}
    handles = _handles(marks)
    height = 0.55 + 0.3 * len(recipes) + 0.18 * math.ceil(len(handles) / 2)
    figure, panels = style.panels(height, columns=2, sharey=True)
    for axes, (metric, label) in zip(panels, PANELS.items(), strict=True):
        for row, name in enumerate(recipes):
            found = over_orders(results, name, metric)
            _row(axes, row, found, marks, style.colour(results.numbers[name]))
        axes.set_xlabel(label)
        axes.grid(axis="x")
        axes.margins(x=0.08)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.tick_params(axis="y", length=0)
    panels[0].set_yticks(range(len(recipes)), [results.titles[name] for name in recipes])
    panels[0].set_ylim(len(recipes) - 0.5, -0.5)
    low, high = panels[1].get_xlim()
    if low <= 0 <= high:
        panels[1].axvline(0, color="black", linewidth=0.6, zorder=0)
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=2)
    seen = [results.estimate(name, r, "AP") for name in orders for r in recipes]
    note = (
        "Bars: mean over orders ± the standard deviation of the orders' means. "
        f"{len(orders)} orders, each with {interval_phrase(seen).partition(';')[0]}"
    )
    style.head(figure, "What the order of the tasks changes", note)
    return figure


def _row(axes: Axes, row: int, found: OverOrders, marks: dict[str, str], colour: str) -> None:
    mean, spread = found.mean.mean, found.spread
    if not found.mean.count:
        return
    if not math.isnan(spread):
        axes.barh(row, 2 * spread, left=mean - spread, height=0.66, color=colour, alpha=0.2)
    axes.plot([mean, mean], [row - 0.33, row + 0.33], color=colour, linewidth=1.4)
    for place, (order, mark) in enumerate(marks.items()):
        height = row + SHARED * (place / max(1, len(marks) - 1) - 0.5)
        values = list(found.by_seed.get(order, {}).values())
        axes.plot(
            values,
            [height] * len(values),
            linestyle="none",
            marker=mark,
            markersize=3,
            color=colour,
            markeredgewidth=0,
        )


def _handles(marks: dict[str, str]) -> list[Line2D]:
    """A legend of the orders, where their marks tell them apart."""
    if len(marks) > len(MARKERS):
        return []
    return [
        Line2D([], [], linestyle="none", marker=mark, color=GREY, markersize=3, label=order)
        for order, mark in marks.items()
    ]
