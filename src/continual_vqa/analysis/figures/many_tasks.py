"""Average accuracy on the tasks learned so far against their number, for streams of many tasks."""

from __future__ import annotations

import math

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from continual_vqa.analysis.figures.ap_over_steps import DASHES, band
from continual_vqa.analysis.figures.style import Style
from continual_vqa.analysis.statistics import Estimate
from continual_vqa.analysis.study_results import Results, interval_phrase

MARKS = 8  # marks along a line


def draw(results: Results, style: Style, stream: str, recipe: str) -> Figure:
    """A line a recipe over the steps that were evaluated; joint training is a level."""
    tasks, recipes = results.tasks(stream), results.recipes(stream)
    figure, axes = style.figure(2.0 + 0.18 * math.ceil(len(recipes) / 2))
    faint = min(0.18, 1 / len(recipes))
    span = [0, len(tasks) + 1]
    shown: list[Estimate] = []
    levels = 0
    for number, name in enumerate(recipes):
        colour, title = style.colour(number), results.titles[name]
        if results.is_joint(stream, name):
            level = results.estimate(stream, name, "AP")
            axes.axhline(level.mean, color=colour, linestyle=DASHES[levels % 3], label=title)
            band(axes, span, [level, level], colour, faint)
            levels += 1
            shown.append(level)
            continue
        course = {
            step: estimate
            for step, task in enumerate(tasks, start=1)
            if (estimate := results.estimate(stream, name, "AP_so_far", task)).count
        }
        axes.plot(
            list(course),
            [e.mean for e in course.values()],
            color=colour,
            marker=style.marker(number),
            # Lines are marked at different places, so that they can be told apart where they meet.
            markevery=((number % MARKS) / len(recipes) / MARKS, 1 / MARKS),
            label=title,
        )
        band(axes, list(course), list(course.values()), colour, faint)
        shown += course.values()
    axes.set_xlim(*span)
    axes.set_ylim(0, 100)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlabel("tasks learned")
    axes.set_ylabel("mean accuracy (%)")
    axes.grid(axis="y")
    figure.legend(loc="outside lower center", ncols=2)
    note = (
        "Accuracy on the tasks learned so far, after the steps that evaluated all of them; broken "
        f"lines: all tasks at once. Stream {stream}; {interval_phrase(shown)}"
    )
    style.head(figure, "Average accuracy with many tasks", note)
    return figure
