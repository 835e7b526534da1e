"""Signs that turn against the starting weights while training, with and without alignment."""

from __future__ import annotations

import math
from collections.abc import Iterable

from matplotlib.figure import Figure

from continual_vqa.analysis.figures.ap_over_steps import MARGIN, band
from continual_vqa.analysis.figures.style import FAINT, Style
from continual_vqa.analysis.statistics import Estimate, over_seeds
from continual_vqa.analysis.study_results import Results, interval_phrase
from continual_vqa.plan.reporting import MANY_TASKS

MARKS = 6  # marks along a line
Place = tuple[int, int]  # step of the stream, optimiser step within it


def draw(results: Results, style: Style, stream: str, recipe: str) -> Figure:
    """A panel a part, a line a recipe; broken lines only count, nothing is taken back."""
    rows = results.rows("alignment", stream)
    recipes = [r for r in results.recipes(stream) if any(row["recipe"] == r for row in rows)]
    parts = sorted({row["part"] for row in rows}, reverse=True)
    tasks = results.tasks(stream)
    long = len(tasks) >= MANY_TASKS
    legend = 0.18 * math.ceil(len(recipes) / 2)
    figure, panels = style.panels(0.7 + 1.15 * len(parts) + legend, rows=len(parts), sharex=True)
    shown: list[Estimate] = []
    named: set[str] = set()
    for axes, part in zip(panels, parts, strict=True):
        for name in recipes:
            own = [row for row in rows if (row["recipe"], row["part"]) == (name, part)]
            course = shares(own, by_stage=long)
            if not course:
                continue
            places, estimates = _stages(course) if long else _with_gaps(course)
            number, aligned = results.numbers[name], any(row["reset"] for row in own)
            label = results.titles[name] + ("" if aligned else " (no reset)")
            axes.plot(
                places,
                [e.mean for e in estimates],
                color=style.colour(number),
                linestyle="-" if aligned else "--",
                marker=style.marker(number),
                markersize=3,
                markevery=max(1, len(places) // MARKS),
                label=None if name in named else label,
            )
            named.add(name)
            band(axes, places, estimates, style.colour(number), 0.18)
            shown += course.values()
        for step in range(1, 1 if long else len(tasks)):
            axes.axvline(step, color=FAINT, linewidth=0.6, zorder=0)
        axes.set_title(part)
        axes.set_ylim(bottom=0)
        axes.grid(axis="y")
    every = style.every(len(tasks), style.width - MARGIN)
    middles = [step + 0.5 for step in range(len(tasks))]
    turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    panels[-1].set_xticks(middles[::every], tasks[::every], **turned)
    panels[-1].set_xlim(0, len(tasks))
    panels[-1].set_xlabel("while learning")
    figure.supylabel("compared entries of opposite sign (%)", fontsize=style.config.font_size)
    figure.legend(loc="outside lower center", ncols=2)
    mean = "; mean over each stage" if long else ""
    note = (
        f"Largest starting weights whose sign has turned, just before each reset{mean}. "
        f"Stream {stream}; {interval_phrase(shown)}"
    )
    style.head(figure, "Sign conflicts while training", note)
    return figure


def shares(rows: Iterable[dict], *, by_stage: bool = False) -> dict[Place, Estimate]:
    """Where signs were compared -> percent of opposite sign, over seeds; in order.

    `rows` of the table "alignment", of one recipe and part. `by_stage`: the mean over a stage, told
    at its optimiser step 0.
    """
    found: dict[Place, dict[int, list[float]]] = {}
    for row in rows:
        if not math.isnan(row["share"]):
            place = (row["step"], 0 if by_stage else row["update"])
            found.setdefault(place, {}).setdefault(row["seed"], []).append(100 * row["share"])
    return {
        place: over_seeds([math.fsum(each) / len(each) for each in found[place].values()])
        for place in sorted(found)
    }


def _stages(course: dict[Place, Estimate]) -> tuple[list[float], list[Estimate]]:
    return [step - 0.5 for step, _ in course], list(course.values())


def _with_gaps(course: dict[Place, Estimate]) -> tuple[list[float], list[Estimate]]:
    """Places on the axis, where a stage ends at its step; lines break between stages."""
    ends = dict(course.keys())
    gap = over_seeds([])
    places: list[float] = []
    estimates: list[Estimate] = []
    before = None
    for (step, update), estimate in course.items():
        if before not in (None, step):
            places.append(step - 1)
            estimates.append(gap)
        places.append(step - 1 + update / ends[step])
        estimates.append(estimate)
        before = step
    return places, estimates
