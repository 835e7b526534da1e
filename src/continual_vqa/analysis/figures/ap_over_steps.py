"""Average accuracy on the tasks learned so far, step by step, for every recipe."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from continual_vqa.analysis.figures.style import Style
from continual_vqa.analysis.statistics import Estimate
from continual_vqa.analysis.study_results import Results, interval_phrase

DASHES = ("--", ":", "-.")
MARGIN = 0.7  # inches left and right of the axes
MOST_LINES = 7  # as many as there are colours


def draw(results: Results, style: Style, stream: str, recipe: str) -> Figure:
    """A line a recipe with its interval as a band; joint training is a level to compare with.

    Many recipes have a panel for each kind of tuning, and several where these are many.
    """
    recipes = results.recipes(stream)
    if len(recipes) <= MOST_LINES:
        figure, axes = style.figure(2.2 + 0.18 * math.ceil(len(recipes) / 2))
        shown = _panel(axes, results, style, stream, recipes)
        figure.legend(loc="outside lower center", ncols=2)
    else:
        blocks = _blocks(results, recipes)
        height = 0.8 + max(1.3, 0.17 * max(map(len, blocks)) + 0.2) * len(blocks)
        figure, panels = style.panels(height, rows=len(blocks), sharex=True)
        shown = []
        for axes, block in zip(panels, blocks, strict=True):
            shown += _panel(axes, results, style, stream, block)
            axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.05))
            axes.label_outer()
    note = (
        "Accuracy on the tasks learned so far; broken lines: all tasks at once. "
        f"Stream {stream}; {interval_phrase(shown)}"
    )
    style.head(figure, "Average accuracy while learning", note)
    return figure


def _blocks(results: Results, recipes: Sequence[str]) -> list[list[str]]:
    """Recipes that tune alike, of which as many as a panel can tell apart."""
    alike: dict[str, list[str]] = {}
    for name in recipes:
        alike.setdefault(results.slots[name].model_dump_json(include={"tune"}), []).append(name)
    return [
        some[n : n + MOST_LINES] for some in alike.values() for n in range(0, len(some), MOST_LINES)
    ]


def _panel(
    axes: Axes, results: Results, style: Style, stream: str, recipes: Sequence[str]
) -> list[Estimate]:
    """The lines of some recipes; what they show."""
    tasks = results.tasks(stream)
    steps = range(1, len(tasks) + 1)
    every = style.every(len(tasks), style.width - MARGIN)
    shown: list[Estimate] = []
    levels = 0
    # Many bands lie over one another: together they stay as light as a few.
    faint = min(0.18, 1 / len(recipes))
    for name in recipes:
        number = results.numbers[name]
        colour, title = style.colour(number), results.titles[name]
        if results.is_joint(stream, name):
            level = results.estimate(stream, name, "AP")
            axes.axhline(level.mean, color=colour, linestyle=DASHES[levels % 3], label=title)
            band(axes, [0.7, len(tasks) + 0.3], [level, level], colour, faint)
            levels += 1
            shown.append(level)
            continue
        estimates = [results.estimate(stream, name, "AP_so_far", task) for task in tasks]
        # Steps after which only some of the tasks were tested have no mean.
        course = {step: e for step, e in zip(steps, estimates, strict=True) if e.count}
        means = [e.mean for e in course.values()]
        axes.plot(
            list(course),
            means,
            color=colour,
            marker=style.marker(number),
            markevery=every if len(course) == len(tasks) else 1,
            label=title,
        )
        band(axes, list(course), list(course.values()), colour, faint)
        shown += course.values()
    axes.set_xlim(0.7, len(tasks) + 0.3)
    axes.set_ylim(0, 100)
    axes.set_xticks(steps[::every], tasks[::every], rotation=45, ha="right", rotation_mode="anchor")
    axes.set_xlabel("after learning")
    axes.set_ylabel("mean accuracy (%)")
    axes.grid(axis="y")
    return shown


def band(
    axes: Axes, x: Sequence[float], estimates: Sequence[Estimate], colour: str, alpha: float
) -> None:
    """The intervals of a course of estimates as a band below its line; none where not defined."""
    low, high = [e.low for e in estimates], [e.high for e in estimates]
    axes.fill_between(x, low, high, color=colour, alpha=alpha, linewidth=0)
