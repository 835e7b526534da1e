"""Which entries matter to two tasks at once: overlap of the tasks' own top sets, per part."""

from __future__ import annotations

import math

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from continual_vqa.analysis.figures.mask_shares import first_guards
from continual_vqa.analysis.figures.matrix import is_dark
from continual_vqa.analysis.figures.style import Style, colour_scale
from continual_vqa.analysis.study_results import Results


def draw(results: Results, style: Style, stream: str, recipe: str) -> Figure:
    """A heat map a part: Jaccard index of every pair of tasks, mean over seeds, in percent."""
    rows = [r for r in results.rows("overlap", stream) if r["recipe"] == recipe]
    rows = first_guards(rows)
    tasks = [t for t in results.tasks(stream) if any(t == row["task_a"] for row in rows)]
    parts = sorted({row["part"] for row in rows}, reverse=True)
    cell = (style.width - 1.1) / (len(parts) * len(tasks))
    figure, panels = style.panels(0.95 + cell * len(tasks), columns=len(parts), sharey=True)
    chances: list[str] = []
    image = None
    for axes, part in zip(panels, parts, strict=True):
        own = [row for row in rows if row["part"] == part]
        matrix = _matrix(own, tasks)
        colours = mpl.colormaps[style.config.heatmap]
        image = axes.imshow(matrix, cmap=colours, vmin=0, vmax=100, aspect="auto")
        _write(axes, matrix, min(style.config.font_size - 1, 0.34 * cell * 72), colours)
        axes.set_title(part)
        axes.set_xticks(range(len(tasks)), tasks, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(tasks)), tasks)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        share = float(np.mean([row["both"] for row in own if row["task_a"] == row["task_b"]]))
        chances.append(f"{100 * share / (2 - share):.0f} % in {part}")
    if image is not None:
        colour_scale(figure, image, panels, [0, 50, 100], fraction=0.05)
    seeds = len({row["seed"] for row in rows})
    many = f"mean of {seeds} seeds" if seeds > 1 else "one seed"
    note = (
        "Entries among the most important of both tasks, as a share of those of either (%); random "
        f"sets of this size share {' and '.join(chances)}. Stream {stream}; {many}"
    )
    style.head(figure, results.titles[recipe], note)
    return figure


def _matrix(rows: list[dict], tasks: list[str]) -> np.ndarray:
    """float64 [tasks, tasks], percent; NaN above the diagonal, where it would be repeated."""
    matrix = np.full((len(tasks), len(tasks)), np.nan)
    for i, later in enumerate(tasks):
        for j, earlier in enumerate(tasks[: i + 1]):
            pair = {earlier, later}
            found = [r["jaccard"] for r in rows if {r["task_a"], r["task_b"]} == pair]
            defined = [value for value in found if not math.isnan(value)]
            matrix[i, j] = 100 * sum(defined) / len(defined) if defined else math.nan
    return matrix


def _write(axes: Axes, matrix: np.ndarray, size: float, colours: Colormap) -> None:
    for (row, column), value in np.ndenumerate(matrix):
        if not np.isnan(value):
            ink = "white" if is_dark(colours(value / 100)) else "black"
            axes.text(
                column, row, f"{value:.0f}", ha="center", va="center", color=ink, fontsize=size
            )
