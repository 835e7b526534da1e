"""AP and AF against one setting of the guards, a line for each value of the others."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping

from matplotlib.figure import Figure

from continual_vqa.analysis.figures.style import Style
from continual_vqa.analysis.settings_grid import Grid, grid_of
from continual_vqa.analysis.statistics import Estimate
from continual_vqa.analysis.study_results import Results, interval_phrase
from continual_vqa.plan.comparisons import variants
from continual_vqa.plan.probes import PARTS

PANELS = {"AP": "AP (%)", "AF": "AF (points)"}
CROWDED = 16  # characters that stand side by side below a panel
LONG = 44  # characters of a label in one line; two labels of half of it stand side by side
APART = 0.07  # lines that share points stay apart by a little


def draw(results: Results, style: Style, stream: str, recipe: str) -> Figure:
    """Two panels over the setting with most values; the largest group of variants is shown."""
    slots = {name: results.slots[name] for name in results.recipes(stream)}
    grid = grid_of({name: slots[name] for name in max(variants(slots), key=len)})
    labels = [textwrap.fill(name, LONG) for name in grid.lines]
    columns = 2 if max(map(len, grid.lines)) <= LONG // 2 else 1
    rows = sum(label.count("\n") + 1 for label in labels) / columns
    legend = 0.18 * math.ceil(rows) if len(labels) > 1 else 0
    figure, panels = style.panels(1.75 + legend, columns=2)
    shown: list[Estimate] = []
    each = f"\n({'/'.join(PARTS)})" if any("/" in value for value in grid.values) else ""
    for axes, (metric, label) in zip(panels, PANELS.items(), strict=True):
        for number, line in enumerate(grid.lines.values()):
            places, estimates = _course(results, stream, metric, grid, line)
            shift = APART * (number - (len(labels) - 1) / 2)
            axes.errorbar(
                [place + shift for place in places],
                [e.mean for e in estimates],
                yerr=[0 if math.isnan(e.low) else e.half_width for e in estimates],
                color=style.colour(number),
                marker=style.marker(number),
                markersize=3.5,
                elinewidth=0.8,
                label=labels[number] if metric == "AP" else None,
            )
            shown += estimates
        turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
        crowded = max(map(len, grid.values)) * len(grid.values) > CROWDED
        axes.set_xticks(range(len(grid.values)), grid.values, **(turned if crowded else {}))
        axes.set_xlim(-0.4, len(grid.values) - 0.6)
        axes.set_title(label)
        axes.set_xlabel(f"{grid.setting}{each}")
        axes.grid(axis="y")
    if len(labels) > 1:
        figure.legend(loc="outside lower center", ncols=columns)
    note = f"AP: more is better; AF: less is better. Stream {stream}; {interval_phrase(shown)}"
    style.head(figure, "Settings of the guards", note)
    return figure


def _course(
    results: Results, stream: str, metric: str, grid: Grid, line: Mapping[str, str]
) -> tuple[list[int], list[Estimate]]:
    """Places on the axis and estimates of the variants of one line."""
    known = [(place, line[value]) for place, value in enumerate(grid.values) if value in line]
    return [p for p, _ in known], [results.estimate(stream, name, metric) for _, name in known]
