"""Differences in AP of comparable recipes, each with its interval over questions and seeds."""

from __future__ import annotations

from itertools import groupby

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from continual_vqa.analysis.differences_table import estimate
from continual_vqa.analysis.figures.dots import rows_of_dots
from continual_vqa.analysis.figures.style import GREY, Style
from continual_vqa.analysis.study_results import Results, interval_phrase

SMALL_P = 0.05
GAP = 1.3  # rows taken by the heading of a reference


def draw(results: Results, style: Style, stream: str, recipe: str) -> Figure:
    """A block a reference, a row each recipe that it is compared with; filled where p is small."""
    rows = [row for row in results.rows("differences", stream) if row["metric"] == "AP"]
    blocks = [
        (f"{title} minus other {kind}s", list(some))
        for (kind, title), some in groupby(
            rows, key=lambda row: (row["differ_in"], row["reference_title"])
        )
    ]
    height = sum(GAP + len(some) for _, some in blocks)
    figure, axes = style.figure(0.6 + 0.19 * height)
    labels: dict[float, str] = {}
    place = 0.0
    for title, some in blocks:
        _heading(axes, place + 0.25, title)
        place += GAP
        for row in some:
            number = results.numbers[row["other"]]
            colour, marker = style.colour(number), style.marker(number)
            hollow = not row["p_holm"] < SMALL_P
            rows_of_dots(axes, [estimate(row)], place, colour=colour, marker=marker, hollow=hollow)
            labels[place] = row["other_title"]
            place += 1
    axes.axvline(0, color="black", linewidth=0.6, zorder=0)
    axes.set_yticks(list(labels), list(labels.values()))
    axes.set_ylim(place - 0.4, -0.8)
    axes.set_xlabel("difference in AP (points)")
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    note = (
        f"Right of 0: the reference is better. Filled: p < {SMALL_P} after Holm's correction for "
        f"all rows. Stream {stream}; {interval_phrase([estimate(row) for row in rows])}"
    )
    style.head(figure, "Paired differences", note)
    return figure


def _heading(axes: Axes, place: float, text: str) -> None:
    """The name of a block's reference, at the left edge of the plot."""
    axes.text(
        0.01,
        place,
        text,
        transform=axes.get_yaxis_transform(),
        va="center",
        fontweight="bold",
        fontsize="small",
        color=GREY,
    )
