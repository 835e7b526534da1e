"""Published AP beside the study's own, a panel for every published setting."""

from __future__ import annotations

import math
import textwrap
from itertools import groupby

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from continual_vqa.analysis.figures.dots import rows_of_dots
from continual_vqa.analysis.figures.style import GREY, Style
from continual_vqa.analysis.published import FROM_NOTES_MEANS, Row, beside, in_short
from continual_vqa.analysis.study_results import Results, interval_phrase
from continual_vqa.errors import UserError

METRIC = "AP"
PANEL = 3.3  # inches: as many panels stand side by side as fit
APART = 0.16  # of a row's height, by which both numbers leave its middle


def draw(results: Results, style: Style, stream: str, recipe: str) -> Figure:
    """A row a published method: hollow as published, filled as found in this study."""
    rows = [row for row in beside(results) if METRIC in row.published]
    if not rows:
        raise UserError("the published numbers tell no AP", do="draw the table of the same name")
    panels = [list(each) for _, each in groupby(rows, lambda row: (row.source, row.setting))]
    across = max(1, round(style.width / PANEL))
    lines = [panels[i : i + across] for i in range(0, len(panels), across)]
    tallest = [max(map(len, line)) for line in lines]
    told = [_wrapped(_comparable(panel), style) for panel in panels]
    longest = [max(map(len, told[i : i + across])) for i in range(0, len(told), across)]
    height = 0.5 + 0.16 * sum(tallest) + 0.5 * len(lines) + _line(style) / 72 * sum(longest)
    figure, axes = style.panels(
        height, len(lines), across, sharex=True, height_ratios=[n + 2 for n in tallest]
    )
    for place, each in enumerate(axes):
        if place < len(panels):
            _panel(each, panels[place], results, style)
            _name(each, panels[place][0], told[place], style)
            last = place + across >= len(panels)
            each.tick_params(labelbottom=last)
            each.set_xlabel("AP (%)" if last else "")
        else:
            each.remove()
    # An interval over few seeds may leave what a percentage can be.
    axes[0].set_xlim(0, min(100, axes[0].get_xlim()[1]))
    figure.legend(handles=_handles(), loc="outside lower center", ncols=2)
    phrase = interval_phrase([row.ours[METRIC] for row in rows])
    notes = FROM_NOTES_MEANS if any(row.from_notes for row in rows) else ""
    note = f"Lines: 95 % intervals of ours, ± of the published where given. {notes} Ours: {phrase}"
    style.head(figure, "Published numbers beside ours", note)
    return figure


def _panel(axes: Axes, rows: list[Row], results: Results, style: Style) -> None:
    for place, row in enumerate(rows):
        number = results.numbers.get(row.recipe)
        colour = GREY if number is None else style.colour(number)
        marker = "o" if number is None else style.marker(number)
        apart = 0 if math.isnan(row.ours[METRIC].mean) else APART
        for estimate, at, hollow in (
            (row.published[METRIC], place + apart, True),
            (row.ours[METRIC], place - apart, False),
        ):
            rows_of_dots(axes, [estimate], at, colour=colour, marker=marker, hollow=hollow)
    axes.set_yticks(range(len(rows)), [row.title for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")


def _name(axes: Axes, row: Row, told: list[str], style: Style) -> None:
    """The setting, and below it whether this study is comparable to it."""
    axes.set_title("\n".join(told), loc="left", fontsize=style.config.font_size - 1.5, color=GREY)
    axes.annotate(
        f"{row.source}: {row.setting}",
        (0, 1),
        (0, 6 + _line(style) * len(told)),
        xycoords="axes fraction",
        textcoords="offset points",
        fontweight="bold",
    )


def _line(style: Style) -> float:
    """Height in points of a line below a panel's name."""
    return 1.25 * (style.config.font_size - 1.5)


def _wrapped(text: str, style: Style) -> list[str]:
    characters = int(0.6 * PANEL * 72 / (0.54 * (style.config.font_size - 1.5)))
    return textwrap.wrap(text, characters, break_on_hyphens=False)


def _comparable(rows: list[Row]) -> str:
    """Whether this study's rows are comparable, what keeps all of them from it, and what some."""
    rows = [row for row in rows if row.recipe] or rows
    shared = [each for each in rows[0].differences if all(each in r.differences for r in rows)]
    if shared:
        return f"Not comparable: {in_short(shared)}."
    also = dict.fromkeys(each for row in rows for each in row.also)
    told = f"Comparable by its config; also: {'; '.join(also)}." if also else "Comparable."
    odd = {row.title: in_short(row.differences) for row in rows if row.differences}
    return " ".join([told, *(f"But {title}: {why}." for title, why in odd.items())])


def _handles() -> list[Line2D]:
    looks = {"published": "white", "this study": GREY}
    return [
        Line2D([], [], linestyle="none", marker="o", color=GREY, markerfacecolor=face, label=name)
        for name, face in looks.items()
    ]
