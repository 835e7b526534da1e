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
    recipes = [r for r in results.recipes(stream) if not results.is_joint(stream, r)]
    legend = 0.16 * math.ceil(len(recipes) / 2)
    figure, axes = style.figure(1.3 + legend + len(tasks) * max(0.2, 0.08 * len(recipes)))
    estimates = [
        [results.estimate(stream, r, "forgetting", task) for task in tasks] for r in recipes
    ]
    for number, (name, row) in enumerate(zip(recipes, estimates, strict=True)):
        offset = (number - (len(recipes) - 1) / 2) * 0.7 / max(1, len(recipes))
        rows_of_dots(
            axes,
            row,
            offset,
            colour=style.colour(number),
            marker=style.marker(number),
            label=results.titles[name],
        )
    axes.axvline(0, color="black", linewidth=0.6)
    axes.set_yticks(range(len(tasks)), tasks)
    axes.invert_yaxis()
    axes.set_xlabel("forgetting (points)")
    axes.set_ylabel("skill, first learned on top")
    axes.grid(axis="x")
    figure.legend(loc="outside lower center", ncols=2)
    flat = [e for row in estimates for e in row]
    note = (
        "Best accuracy after an earlier step minus accuracy after the last one. "
        f"Stream {stream}; {interval_phrase(flat)}"
    )
    style.head(axes, "Forgetting per skill", note)
    return figure
