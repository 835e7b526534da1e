"""AP and AF of all continual recipes, with joint training as a line."""

from __future__ import annotations

from matplotlib.figure import Figure

from continual_vqa.analysis.figures.ap_over_steps import DASHES
from continual_vqa.analysis.figures.dots import rows_of_dots
from continual_vqa.analysis.figures.style import GREY, Style
from continual_vqa.analysis.study_results import Results, interval_phrase
from continual_vqa.plan.comparisons import guarded_alike

# Metric -> label of its axis.
PANELS = {"AP": "AP (%)", "AF": "AF (points)"}
GAP = 0.35  # rows between methods; a method and the same with replay stand close


def draw(results: Results, style: Style, stream: str, recipe: str) -> Figure:
    """A row a recipe in the config's order, each method followed by itself with replay."""
    recipes = results.recipes(stream)
    groups = guarded_alike({r: results.slots[r] for r in recipes})
    joint = [r for r in recipes if results.is_joint(stream, r)]
    places: dict[str, float] = {}
    for number, group in enumerate(groups):
        for name in group:
            places[name] = len(places) + GAP * number
    height = 0.6 + 0.2 * (max(places.values()) + 1) + 0.18 * len(joint)
    figure, panels = style.panels(height, columns=2, sharey=True)
    shown = []
    for axes, (metric, label) in zip(panels, PANELS.items(), strict=True):
        for name, place in places.items():
            number = results.numbers[name]
            estimate = results.estimate(stream, name, metric)
            colour, marker = style.colour(number), style.marker(number)
            rows_of_dots(axes, [estimate], place, colour=colour, marker=marker)
            shown.append(estimate)
        axes.set_xlabel(label)
        axes.grid(axis="x")
        axes.margins(x=0.12)
        axes.tick_params(axis="y", length=0)
    for number, name in enumerate(joint):
        level = results.estimate(stream, name, "AP").mean
        dashes = DASHES[number % len(DASHES)]
        panels[0].axvline(level, color=GREY, linestyle=dashes, label=results.titles[name])
    panels[0].set_yticks(list(places.values()), [results.titles[name] for name in places])
    panels[0].set_ylim(max(places.values()) + 0.6, -0.6)
    panels[0].set_xlim(left=0)
    panels[1].axvline(0, color="black", linewidth=0.6)
    if joint:
        figure.legend(loc="outside lower center", ncols=2)
    note = f"AP: more is better; AF: less is better. Stream {stream}; {interval_phrase(shown)}"
    style.head(figure, "Average accuracy and forgetting", note)
    return figure
