"""Seconds, memory and bytes of a merge against the number of tasks learned."""

from __future__ import annotations

import math
from collections.abc import Iterable

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from continual_vqa.analysis.figures.ap_over_steps import band
from continual_vqa.analysis.figures.style import Style
from continual_vqa.analysis.statistics import Estimate, over_seeds
from continual_vqa.analysis.study_results import Results, interval_phrase

Method = tuple[str, str, str]  # kind, of, space
UNITS = {1e9: "GB", 1e6: "MB", 1e3: "kB"}
MARKS = 8  # marks along a line
APART = 0.01  # of the axis, between lines


def draw(results: Results, style: Style, stream: str, recipe: str) -> Figure:
    """A panel a cost, a line a way of merging: what it costs whichever recipe asks for it."""
    rows = [row for row in results.rows("merges", stream) if not row["part"]]
    methods = list(dict.fromkeys((row["kind"], row["of"], row["space"]) for row in rows))
    moved = [row["bytes_read"] + row["bytes_written"] for row in rows]
    unit = next((u for u in UNITS if max(moved) >= u), min(UNITS))
    peak = next((u for u in UNITS if max(row["peak_mb"] for row in rows) * 1e6 >= u), 1e6)
    panels = {
        "time (s)": [row["seconds"] for row in rows],
        f"peak memory ({UNITS[peak]})": [row["peak_mb"] * 1e6 / peak for row in rows],
        f"read and written ({UNITS[unit]})": [value / unit for value in moved],
    }
    narrow = style.config.width == "column"
    shape = {"rows": 3} if narrow else {"columns": 3}
    legend = 0.18 * math.ceil(len(methods) / 2)
    figure, drawn = style.panels((3.6 if narrow else 1.9) + legend, sharex=True, **shape)
    shown: list[Estimate] = []
    for axes, (label, values) in zip(drawn, panels.items(), strict=True):
        for number, method in enumerate(methods):
            course = cost(rows, values, method)
            # Costs that coincide, as bytes do, stay apart by a little.
            shift = APART * max(course) * (number - (len(methods) - 1) / 2)
            places = [step + shift for step in course]
            axes.plot(
                places,
                [e.mean for e in course.values()],
                color=style.colour(number),
                marker=style.marker(number),
                markevery=max(1, len(course) // MARKS),
                label=name_of(method) if axes is drawn[0] else None,
            )
            band(axes, places, list(course.values()), style.colour(number), 0.18)
            shown += course.values()
        axes.set_title(label)
        axes.margins(y=0.12)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.grid(axis="y")
        if axes is drawn[-1] or not narrow:
            axes.set_xlabel("tasks learned")
    figure.legend(loc="outside lower center", ncols=2)
    note = f"One merge after each task. Stream {stream}; {interval_phrase(shown)}"
    style.head(figure, "What a merge costs", note)
    return figure


def name_of(method: Method) -> str:
    """A way of merging in words."""
    kind, of, space = method
    models = "pair" if of == "pair" else "all tasks"
    return f"{kind.replace('_', ' ')}, {models}" + (", updates" if space == "updates" else "")


def cost(rows: Iterable[dict], values: Iterable[float], method: Method) -> dict[int, Estimate]:
    """Step -> mean of `values` (one a row) over seeds, for one way of merging.

    Recipes that merge alike are averaged within a seed: they may share files.
    """
    found: dict[int, dict[int, list[float]]] = {}
    for row, value in zip(rows, values, strict=True):
        if (row["kind"], row["of"], row["space"]) == method:
            found.setdefault(row["step"], {}).setdefault(row["seed"], []).append(value)
    return {
        step: over_seeds([math.fsum(each) / len(each) for each in found[step].values()])
        for step in sorted(found)
    }
