"""Accuracy on novel skill-concept compositions beside that on seen ones, for every recipe."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from continual_vqa.analysis.figures.dots import rows_of_dots
from continual_vqa.analysis.figures.style import GREY, Style
from continual_vqa.analysis.study_results import Results, interval_phrase


def draw(results: Results, style: Style, stream: str, recipe: str) -> Figure:
    """A row a recipe: filled = seen compositions, hollow = the held-out ones, line = the gap."""
    recipes = results.recipes(stream)
    figure, axes = style.figure(0.8 + 0.26 * len(recipes))
    seen = [results.estimate(stream, r, "seen_AP") for r in recipes]
    novel = [results.estimate(stream, r, "novel_AP") for r in recipes]
    for row in range(len(recipes)):
        colour, marker = style.colour(row), style.marker(row)
        ends = [novel[row].mean, seen[row].mean]
        axes.plot(ends, [row, row], color=colour, linewidth=2.5, alpha=0.3)
        for estimates, offset, hollow in ((seen, -0.1, False), (novel, 0.1, True)):
            rows_of_dots(
                axes, [estimates[row]], row + offset, colour=colour, marker=marker, hollow=hollow
            )
    axes.set_yticks(range(len(recipes)), [results.titles[r] for r in recipes])
    axes.set_ylim(len(recipes) - 0.5, -0.5)
    axes.set_xlim(0, 100)
    axes.set_xlabel("accuracy after the last step (%)")
    axes.grid(axis="x")
    marks = {"seen compositions": GREY, "novel compositions": "white"}
    handles = [
        Line2D([], [], linestyle="none", marker="o", color=GREY, markerfacecolor=fill, label=label)
        for label, fill in marks.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    note = (
        f"Composition skills; {results.held_out[stream]} was trained in the first skill only. "
        f"Stream {stream}; {interval_phrase([*seen, *novel])}"
    )
    style.head(figure, "Novel and seen compositions", note)
    return figure
