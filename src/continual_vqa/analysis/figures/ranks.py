"""Mean ranks of the recipes over seeds and skills, the best on top."""

from __future__ import annotations

from matplotlib.figure import Figure

from continual_vqa.analysis.figures.dots import rows_of_dots
from continual_vqa.analysis.figures.style import GREY, Style
from continual_vqa.analysis.ranks import ranks
from continual_vqa.analysis.study_results import Results, interval_phrase


def draw(results: Results, style: Style, stream: str, recipe: str) -> Figure:
    """A row a recipe: its mean rank with its interval, and a tick for its rank in every skill."""
    found = ranks(results, stream)
    means, skills = found.mean(), found.by_skill()
    order = sorted(range(len(means)), key=lambda place: means[place].mean)
    figure, axes = style.figure(0.6 + 0.2 * len(order))
    for row, place in enumerate(order):
        number = results.numbers[found.recipes[place]]
        colour, marker = style.colour(number), style.marker(number)
        axes.plot(
            skills[place],
            [row] * len(found.skills),
            linestyle="none",
            marker="|",
            markersize=5,
            color=GREY,
            alpha=0.6,
        )
        rows_of_dots(axes, [means[place]], row, colour=colour, marker=marker)
    axes.set_yticks(range(len(order)), [results.titles[found.recipes[p]] for p in order])
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set_xlim(0.5, len(order) + 0.5)
    axes.set_xlabel("rank by final accuracy (1: best)")
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    note = (
        f"Mean over {len(found.skills)} skills of each seed; ticks: one skill, mean over seeds. "
        f"Stream {stream}; {interval_phrase(means)}"
    )
    style.head(figure, "Ranks over skills", note)
    return figure
