"""What the aligned share does: stability against plasticity, and AP over the share."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from continual_vqa.analysis.figures.style import Style
from continual_vqa.analysis.statistics import Estimate
from continual_vqa.analysis.study_results import Results, interval_phrase
from continual_vqa.config.recipe import Recipe
from continual_vqa.plan.comparisons import alignment_sweeps

MARGIN = 0.3  # of the range of the points, on either side
APART = 0.008  # lines that share points stay apart by a little


def draw(results: Results, style: Style, stream: str, recipe: str) -> Figure:
    """A line for each group of recipes that differ in the share alone; a point a recipe."""
    slots = {name: results.slots[name] for name in results.recipes(stream)}
    sweeps = alignment_sweeps(slots)
    labels = labels_of([slots[next(iter(sweep))] for sweep in sweeps])
    legend = 0.18 * len(labels) if len(labels) > 1 else 0
    narrow = style.config.width == "column"
    shape = {"rows": 2} if narrow else {"columns": 2}
    figure, (curve, course) = style.panels((4.2 if narrow else 2.4) + legend, **shape)
    shown: list[Estimate] = []
    pairs: list[tuple[Estimate, Estimate]] = []
    for number, (sweep, label) in enumerate(zip(sweeps, labels, strict=True)):
        look = {"color": style.colour(number), "marker": style.marker(number), "label": label}
        learned, kept, after = (
            [results.estimate(stream, name, metric) for name in sweep]
            for metric in ("learning_accuracy", "BWT", "AP")
        )
        _points(curve, learned, kept, look)
        side = 1 if number % 2 == 0 else -1
        for share, x, y in zip(sweep.values(), learned, kept, strict=True):
            curve.annotate(
                f"{share:g}",
                (x.mean, y.mean),
                (3 * side, 3 * side),
                textcoords="offset points",
                ha="left" if side > 0 else "right",
                va="bottom" if side > 0 else "top",
                fontsize=style.config.font_size - 1.5,
                color=style.colour(number),
            )
        shift = APART * (number - (len(sweeps) - 1) / 2)
        exact = [Estimate(share + shift, math.nan, math.nan, 1, "") for share in sweep.values()]
        _points(course, exact, after, {**look, "label": None})
        pairs += zip(learned, kept, strict=True)
        shown += [*learned, *kept, *after]
    curve.set_xlabel("plasticity: learning accuracy (%)")
    curve.set_ylabel("stability: BWT (points)")
    course.set_xlabel("p: share of the starting weights that is aligned")
    course.set_ylabel("AP (%)")
    for axes in (curve, course):
        axes.grid()
        axes.margins(0.1)
    known = [(x.mean, y.mean) for x, y in pairs if x.count and y.count]
    if known:
        curve.set_xlim(_around([x for x, _ in known]))
        curve.set_ylim(_around([y for _, y in known]))
    if legend:
        figure.legend(loc="outside lower center")
    note = (
        "Numbers beside the points: p; up and right is better; lines of intervals may leave the "
        "frame. "
        f"Stream {stream}; {interval_phrase(shown)}"
    )
    style.head(figure, "Alignment between stability and plasticity", note)
    return figure


def labels_of(recipes: Sequence[Recipe]) -> list[str]:
    """What tells the first recipes of the groups apart, beside the aligned share."""
    flat = [_flat(recipe.model_dump(mode="json", exclude={"title", "paper"})) for recipe in recipes]
    keys = sorted({key for slots in flat for key in slots if not key.endswith(".top")})
    differing = [key for key in keys if len({slots.get(key) for slots in flat}) > 1]
    return [
        ", ".join(f"{key.rpartition('.')[2]} {slots.get(key, 'none')}" for key in differing)
        for slots in flat
    ]


def _flat(value: object, path: str = "") -> dict[str, str]:
    """Nested slots as "guards.0.reset": "zero"."""
    if isinstance(value, Mapping):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    else:
        return {path: value if isinstance(value, str) else json.dumps(value)}
    return {k: v for key, each in inner for k, v in _flat(each, f"{path}.{key}").items()}


def _around(values: Sequence[float]) -> tuple[float, float]:
    """Limits of an axis that leave the points room, whatever the length of their intervals."""
    room = max(MARGIN * (max(values) - min(values)), 1)
    return min(values) - room, max(values) + room


def _points(
    axes: Axes, x: Sequence[Estimate], y: Sequence[Estimate], look: Mapping[str, object]
) -> None:
    """Estimates against estimates, with the intervals of both, joined in their order."""
    axes.errorbar(
        [e.mean for e in x],
        [e.mean for e in y],
        xerr=[0 if math.isnan(e.low) else e.half_width for e in x],
        yerr=[0 if math.isnan(e.low) else e.half_width for e in y],
        elinewidth=0.6,
        ecolor=(str(look["color"]), 0.5),
        linewidth=0.9,
        markersize=3.5,
        **look,  # type: ignore[arg-type]
    )
