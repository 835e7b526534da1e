"""Forgetting of every skill, for every recipe that learns skill after skill."""

from __future__ import annotations

import math

from matplotlib.figure import Figure

from continual_vqa.analysis.figures.dots import rows_of_dots
from continual_vqa.analysis.figures.style import Style
from continual_vqa.analysis.study_results import Results, interval_phrase


def draw(results: Results, style: Style, stream: str, recipe: str) -> Figure:
    """A row a skill in the order of learning; the last skill has had nothing after it."""
    tasks = results.tasks(stream)[:-1]
    # A recipe has the same colour in all figures: its number counts the joint ones too.
    numbers = {r: number for number, r in enumerate(results.recipes(stream))}
    recipes = [r for r in numbers if not results.is_joint(stream, r)]
    legend = 0.18 * math.ceil(len(recipes) / 2)
    figure, axes = style.figure(0.7 + legend + len(tasks) * max(0.24, 0.07 * len(recipes)))
    estimates = [
        [results.estimate(stream, r, "forgetting", task) for task in tasks] for r in recipes
    ]
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
    axes.set_yticks(range(len(tasks)), tasks)
    axes.set_ylim(max(1, len(tasks)) - 0.5, -0.5)
    axes.set_xlabel("forgetting (points)")
    axes.grid(axis="x")
    if recipes:
        figure.legend(loc="outside lower center", ncols=2)
    flat = [e for row in estimates for e in row]
    note = (
        "Best accuracy after an earlier step minus the last one; skill learned first on top. "
        f"Stream {stream}; {interval_phrase(flat)}"
    )
    style.head(figure, "Forgetting per skill", note)
    return figure
