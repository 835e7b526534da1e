"""Parameters that answer the tasks so far: a bank of adapters, one adapter each, full copies."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from continual_vqa.analysis.figures.style import GREY, Style
from continual_vqa.analysis.study_results import Results
from continual_vqa.plan.comparisons import suited

Course = tuple[int, ...]  # entries after the first, the second, ... task
UNITS = {1e9: "billion", 1e6: "million", 1e3: "thousand"}
MARKS = 8  # marks along a line
NAMED = 2  # recipes that a line is named after; more are counted


def draw(results: Results, style: Style, stream: str, recipe: str) -> Figure:
    """The banks alone, then all recipes and full copies on a logarithmic axis."""
    rows = results.rows("growth", stream)
    continual = [r for r in results.recipes(stream) if not results.is_joint(stream, r)]
    kept = {name: kept_by(rows, name) for name in continual}
    banks = suited("bank", {name: results.slots[name] for name in continual})
    single = {cumulated(rows, name, "adapter_entries") for name in banks}
    base = rows[0]["base_entries"]
    tasks = range(1, len(results.tasks(stream)) + 1)
    copies = tuple(base * step for step in tasks)
    narrow = style.config.width == "column"
    shape = {"rows": 2} if narrow else {"columns": 2}
    groups = together(kept)
    legend = 0.18 * math.ceil((len(groups) + 2) / 2)
    figure, panels = style.panels((3.6 if narrow else 2.0) + legend, **shape)
    for axes, log in zip(panels, (False, True), strict=True):
        shown = {c: names for c, names in groups.items() if log or set(names) & set(banks)}
        most = max(map(max, [*shown, *(single if not log else ()), *([copies] if log else ())]))
        unit = 1.0 if log else next((u for u in UNITS if most >= u), 1.0)
        for course, names in shown.items():
            number = results.numbers[names[0]]
            axes.plot(
                tasks,
                [entries / unit for entries in course],
                color=style.colour(number),
                marker=style.marker(number),
                markevery=max(1, len(course) // MARKS),
                label=_label([results.titles[name] for name in names]) if log else None,
            )
        for course in single:
            label = "one adapter each" if log and course == min(single) else None
            axes.plot(tasks, [e / unit for e in course], color=GREY, linestyle="--", label=label)
        if log:
            axes.plot(tasks, copies, color=GREY, linestyle=":", label="a full copy each")
            axes.set_yscale("log")
        else:
            axes.set_ylim(bottom=0)
        scale = f" ({UNITS[unit]})" if unit > 1 else ""
        axes.set_title("all recipes" if log else "banks of adapters")
        axes.set_ylabel(f"parameters{scale}")
        axes.set_xlabel("tasks learned")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.grid(axis="y")
    figure.legend(loc="outside lower center", ncols=2)
    note = (
        "Parameters that must be kept to answer all tasks so far, beside the base model of "
        f"{base:,}; all recipes: logarithmic. Stream {stream}"
    )
    style.head(figure, "How much a bank of adapters grows", note)
    return figure


def kept_by(rows: Iterable[dict], recipe: str) -> Course:
    """Entries that a recipe keeps after each step; the same with every seed."""
    own = {row["step"]: row["kept_entries"] for row in rows if row["recipe"] == recipe}
    return tuple(own[step] for step in sorted(own))


def cumulated(rows: Iterable[dict], recipe: str, column: str) -> Course:
    """Sum of `column` over the steps so far."""
    own = {row["step"]: row[column] for row in rows if row["recipe"] == recipe}
    return tuple(itertools.accumulate(own[step] for step in sorted(own)))


def together(courses: Mapping[str, Course]) -> dict[Course, list[str]]:
    """Recipes that keep equally much, in their order."""
    found: dict[Course, list[str]] = {}
    for name, course in courses.items():
        found.setdefault(course, []).append(name)
    return found


def _label(titles: list[str]) -> str:
    further = len(titles) - NAMED
    more = [f"{further} more"] if further > 0 else []
    return " / ".join([*titles[:NAMED], *more])
