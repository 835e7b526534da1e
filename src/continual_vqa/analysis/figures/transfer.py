"""Downstream tasks, learned after the stream and alone: accuracy, and what the stream gave."""

from __future__ import annotations

from matplotlib.figure import Figure

from continual_vqa.analysis.figures.dots import rows_of_dots
from continual_vqa.analysis.figures.style import GREY, Style
from continual_vqa.analysis.statistics import Estimate
from continual_vqa.analysis.study_results import Results, interval_phrase
from continual_vqa.analysis.transfer_tables import COLUMNS, mean

SHOWN = ("alone (%)", "after the stream (%)", "transfer (points)")
APART = 0.18  # of a row, between both ways of learning


def draw(results: Results, style: Style, stream: str, recipe: str) -> Figure:
    """A row a recipe; left both accuracies, right their difference."""
    rows = results.rows("transfer", stream)
    recipes = [r for r in results.recipes(stream) if any(row["recipe"] == r for row in rows)]
    tasks = sorted({row["task"] for row in rows})
    figure, panels = style.panels(0.9 + 0.24 * len(recipes), columns=2, sharey=True)
    shown: list[Estimate] = []
    for place, name in enumerate(recipes):
        own = [row for row in rows if row["recipe"] == name]
        number = results.numbers[name]
        colour, marker = style.colour(number), style.marker(number)
        single, after, gain = (mean(own, COLUMNS[heading]) for heading in SHOWN)
        for axes, estimate, offset in (
            (panels[0], single, APART),
            (panels[0], after, -APART),
            (panels[1], gain, 0.0),
        ):
            rows_of_dots(
                axes,
                [estimate],
                place + offset,
                colour=colour,
                marker=marker,
                hollow=estimate is single,
            )
        shown += [after, single, gain]
    for label, hollow in (("after the stream", False), ("alone, from the base", True)):
        face = "white" if hollow else GREY
        panels[0].plot([], [], "o", color=GREY, markerfacecolor=face, label=label)
    for axes, label in zip(panels, ("accuracy (%)", "transfer (points)"), strict=True):
        axes.set_xlabel(label)
        axes.grid(axis="x")
        axes.margins(x=0.12)
        axes.tick_params(axis="y", length=0)
    panels[0].set_yticks(range(len(recipes)), [results.titles[name] for name in recipes])
    panels[0].set_ylim(len(recipes) - 0.4, -0.6)
    panels[0].set_xlim(left=0)
    panels[1].axvline(0, color="black", linewidth=0.6)
    figure.legend(loc="outside lower center", ncols=2)
    note = f"Mean over {', '.join(tasks)}. Stream {stream}; {interval_phrase(shown)}"
    style.head(figure, "Transfer to downstream tasks", note)
    return figure
