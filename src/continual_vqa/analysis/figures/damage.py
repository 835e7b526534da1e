"""What the drift of each part costs: accuracy on earlier tasks that comes back with the part."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from continual_vqa.analysis.figures.dots import rows_of_dots
from continual_vqa.analysis.figures.parts import BOTH, part_look
from continual_vqa.analysis.figures.style import Style
from continual_vqa.analysis.statistics import Estimate, over_seeds
from continual_vqa.analysis.study_results import Results, interval_phrase

NONE = "none"
HEIGHT = 0.44  # of a recipe's row, shared by its marks


def draw(results: Results, style: Style, stream: str, recipe: str) -> Figure:
    """A row a recipe: points regained with each part alone, and with both (all that was lost)."""
    rows = results.rows("damage", stream)
    recipes = [r for r in results.recipes(stream) if any(row["recipe"] == r for row in rows)]
    parts = sorted({row["restored"] for row in rows} - {NONE, BOTH}, reverse=True)
    figure, axes = style.figure(0.75 + 0.36 * len(recipes))
    shown: list[Estimate] = []
    for place, restored in enumerate([*parts, BOTH]):
        estimates = [regained(rows, name, restored) for name in recipes]
        colour, marker = part_look(style, parts, restored)
        label = "both parts (all that was lost)" if restored == BOTH else f"{restored} restored"
        offset = (place / len(parts) - 0.5) * HEIGHT
        rows_of_dots(axes, estimates, offset, colour=colour, marker=marker, label=label)
        shown += estimates
    axes.axvline(0, color="black", linewidth=0.6)
    axes.set_yticks(range(len(recipes)), [results.titles[name] for name in recipes])
    axes.set_ylim(len(recipes) - 0.5, -0.5)
    axes.set_xlabel("accuracy regained (points)")
    axes.grid(axis="x")
    figure.legend(loc="outside lower center", ncols=2)
    note = (
        "Last model with a part as it was right after each earlier task, minus the last model; "
        f"mean over these tasks. Stream {stream}; {interval_phrase(shown)}"
    )
    style.head(figure, "What the drift of each part costs", note)
    return figure


def regained(rows: list[dict], recipe: str, restored: str) -> Estimate:
    """Accuracy with `restored` minus that of the last model: mean over tasks, then over seeds."""
    found: dict[int, dict[tuple[str, str], float]] = {}
    for row in rows:
        if row["recipe"] == recipe:
            found.setdefault(row["seed"], {})[row["task"], row["restored"]] = row["accuracy"]
    return over_seeds([_mean_gain(found[seed], restored) for seed in sorted(found)])


def _mean_gain(accuracy: Mapping[tuple[str, str], float], restored: str) -> float:
    tasks = {task for task, _ in accuracy}
    gains = [accuracy[task, restored] - accuracy[task, NONE] for task in sorted(tasks)]
    return sum(gains) / len(gains)
