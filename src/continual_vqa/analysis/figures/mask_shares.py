"""Share of each part that is protected after each step, for every recipe with a mask."""

from __future__ import annotations

import math

from matplotlib.figure import Figure

from continual_vqa.analysis.figures.style import Style
from continual_vqa.analysis.statistics import Estimate, over_seeds
from continual_vqa.analysis.study_results import Results, interval_phrase


def draw(results: Results, style: Style, stream: str, recipe: str) -> Figure:
    """A panel a part, a line a recipe; a recipe's first mask guard is shown."""
    rows = first_guards(results.rows("masks", stream))
    parts = sorted({row["part"] for row in rows}, reverse=True)
    recipes = [r for r in results.recipes(stream) if any(row["recipe"] == r for row in rows)]
    steps = sorted({row["step"]: row["task"] for row in rows}.items())
    legend = 0.18 * math.ceil(len(recipes) / 2)
    figure, panels = style.panels(1.9 + legend, columns=len(parts), sharey=True)
    shown: list[Estimate] = []
    for axes, part in zip(panels, parts, strict=True):
        for place, name in enumerate(recipes):
            course = [
                over_seeds(
                    [
                        100 * row["share"]
                        for row in rows
                        if (row["recipe"], row["part"], row["step"]) == (name, part, step)
                    ]
                )
                for step, _ in steps
            ]
            number = results.numbers[name]
            # Lines that coincide, as equal budgets do, stay apart by a little.
            x = [i + 0.16 * (place / max(1, len(recipes) - 1) - 0.5) for i in range(len(steps))]
            axes.errorbar(
                x,
                [e.mean for e in course],
                yerr=[0 if math.isnan(e.low) else e.half_width for e in course],
                color=style.colour(number),
                marker=style.marker(number),
                markersize=3.5,
                elinewidth=0.8,
                label=results.titles[name] if part == parts[0] else None,
            )
            shown += course
        axes.set_title(part)
        axes.set_xticks(
            range(len(steps)),
            [task for _, task in steps],
            rotation=45,
            ha="right",
            rotation_mode="anchor",
        )
        axes.set_xlim(-0.4, len(steps) - 0.6)
        axes.set_xlabel("after learning")
        axes.grid(axis="y")
    # Budgets lie near 100 %: from zero on their lines could not be told apart.
    lowest = min((e.mean for e in shown), default=0.0)
    bottom = lowest if lowest > 50 else 0.0
    margin = 0.06 * max(100 - bottom, 1)
    panels[0].set_ylim(bottom - margin, 100 + margin)
    panels[0].set_ylabel("entries protected (%)")
    figure.legend(loc="outside lower center", ncols=2)
    note = f"Share of each part's trained entries. Stream {stream}; {interval_phrase(shown)}"
    style.head(figure, "What the masks protect", note)
    return figure


def first_guards(rows: list[dict]) -> list[dict]:
    """The rows about the first mask guard of each recipe."""
    guards: dict[str, set[int]] = {}
    for row in rows:
        guards.setdefault(row["recipe"], set()).add(row["guard"])
    first = {recipe: min(numbers) for recipe, numbers in guards.items()}
    return [row for row in rows if row["guard"] == first[row["recipe"]]]
