"""Forgetting of every task, for every recipe that learns task after task."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from continual_vqa.analysis.figures.dots import rows_of_dots
from continual_vqa.analysis.figures.heat import heat, name_cells
from continual_vqa.analysis.figures.style import Style, colour_scale
from continual_vqa.analysis.statistics import Estimate, over_seeds
from continual_vqa.analysis.study_results import Results, interval_phrase

MOST_DOTS = 8  # recipes in the row of a task
MOST_ROWS = 24  # more tasks are taken together, several that were learned in a row


def draw(results: Results, style: Style, stream: str, recipe: str) -> Figure:
    """A row a task in the order of learning; the last task has had nothing after it.

    A row of several tasks is their mean. Many recipes have a row each instead, of a heat map.
    """
    tasks = results.tasks(stream)[:-1]
    blocks = in_blocks(tasks)
    rows = [name for name, _ in blocks]
    # A recipe has the same colour in all figures: its number counts the joint ones too.
    numbers = {r: number for number, r in enumerate(results.recipes(stream))}
    recipes = [r for r in numbers if not results.is_joint(stream, r)]
    if len(recipes) > MOST_DOTS:
        return _heat_map(results, style, stream, recipes, blocks)
    legend = 0.18 * math.ceil(len(recipes) / 2)
    figure, axes = style.figure(0.7 + legend + len(rows) * max(0.24, 0.07 * len(recipes)))
    estimates = [[_forgetting(results, stream, r, block) for _, block in blocks] for r in recipes]
    for place, (name, row) in enumerate(zip(recipes, estimates, strict=True)):
        offset = (place - (len(recipes) - 1) / 2) * 0.7 / max(1, len(recipes))
        rows_of_dots(
            axes,
            row,
            offset,
            colour=style.colour(numbers[name]),
            marker=style.marker(numbers[name]),
            label=results.titles[name],
        )
    axes.axvline(0, color="black", linewidth=0.6)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(max(1, len(rows)) - 0.5, -0.5)
    axes.set_xlabel("forgetting (points)")
    axes.grid(axis="x")
    if recipes:
        figure.legend(loc="outside lower center", ncols=2)
    flat = [e for row in estimates for e in row]
    several = "" if len(rows) == len(tasks) else "; a row is the mean of several tasks"
    if several:
        axes.set_ylabel("learned at step")
    note = (
        "Best accuracy after an earlier step minus the last one; learned first on top"
        f"{several}. Stream {stream}; {interval_phrase(flat)}"
    )
    style.head(figure, "Forgetting per task", note)
    return figure


def _heat_map(
    results: Results,
    style: Style,
    stream: str,
    recipes: Sequence[str],
    blocks: Sequence[tuple[str, Sequence[str]]],
) -> Figure:
    """A row a recipe, a column a task: means over seeds."""
    values = [[_forgetting(results, stream, r, block) for _, block in blocks] for r in recipes]
    means = np.array([[estimate.mean for estimate in row] for row in values])
    inches = style.width / (len(blocks) + 5)
    figure, axes = style.figure(1.0 + 0.2 * len(recipes))
    largest = max(1.0, float(np.nanmax(means))) if np.isfinite(means).any() else 1.0
    image = heat(axes, means, style, style.config.heatmap, (0, largest), inches)
    name_cells(axes, [results.titles[r] for r in recipes], [name for name, _ in blocks], 1)
    colour_scale(figure, image, axes, [0, int(largest)], fraction=0.04)
    seeds = sorted({estimate.count for row in values for estimate in row})
    many = "–".join(str(count) for count in dict.fromkeys((seeds[0], seeds[-1])))
    note = (
        "Best accuracy after an earlier step minus the last one, in points; learned first on the "
        f"left. Stream {stream}; mean of {many} seed{'' if many == '1' else 's'}, no interval"
    )
    style.head(figure, "Forgetting per task", note)
    return figure


def in_blocks(tasks: Sequence[str]) -> list[tuple[str, Sequence[str]]]:
    """The rows of the figure: each with its name and its tasks, at most MOST_ROWS of them."""
    if len(tasks) <= MOST_ROWS:
        return [(task, [task]) for task in tasks]
    size = next(n for n in (5, 10, 20, 50, 100) if n * MOST_ROWS >= len(tasks))
    starts = range(0, len(tasks), size)
    blocks = [tasks[start : start + size] for start in starts]
    return [(f"{s + 1}–{s + len(block)}", block) for s, block in zip(starts, blocks, strict=True)]


def _forgetting(results: Results, stream: str, recipe: str, tasks: Sequence[str]) -> Estimate:
    """Mean over `tasks`, then over seeds; one task alone may have an interval over questions."""
    if len(tasks) == 1:
        return results.estimate(stream, recipe, "forgetting", tasks[0])
    each = [results.by_seed(stream, recipe, "forgetting", task) for task in tasks]
    seeds = results.seeds(stream, recipe)
    return over_seeds([math.fsum(values[seed] for values in each) / len(each) for seed in seeds])
