"""How alike the changes are that the adapters of a bank make: CKA and cosine of every pair."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from matplotlib.figure import Figure

from continual_vqa.analysis.figures.heat import heat, name_cells
from continual_vqa.analysis.figures.style import Style, colour_scale
from continual_vqa.analysis.study_results import Results

# Column of the table -> title, limits (x 100) and colours; None: those of the config.
PANELS: dict[str, tuple[str, tuple[float, float], str | None]] = {
    "cka": ("linear CKA (× 100)", (0, 100), None),
    "cosine": ("cosine (× 100)", (-100, 100), "RdBu_r"),
}
MARGIN = 1.0  # inches beside a heat map


def draw(results: Results, style: Style, stream: str, recipe: str) -> Figure:
    """Two heat maps over pairs of adapters, as the last task meets them; grey: not defined."""
    own = [row for row in results.rows("adapters", stream) if row["recipe"] == recipe]
    last = max(row["step"] for row in own)
    rows = [row for row in own if row["step"] == last and row["other"] is not None]
    tasks = results.tasks(stream)
    narrow = style.config.width == "column"
    inches = style.width / (1 if narrow else 2) - MARGIN
    cell = inches / max(1, len(tasks) - 1)
    shape = {"rows": 2} if narrow else {"columns": 2}
    height = (0.7 + 0.8 * inches) * (2 if narrow else 1)
    figure, panels = style.panels(height, **shape)
    every = style.every(len(tasks), 0.8 * inches)
    for axes, (column, (title, limits, colours)) in zip(panels, PANELS.items(), strict=True):
        matrix = pairs(rows, column, len(tasks))
        image = heat(axes, matrix, style, colours or style.config.heatmap, limits, cell)
        name_cells(axes, tasks[1:], tasks[:-1], every)
        axes.set_title(title)
        colour_scale(figure, image, axes, limits, fraction=0.05)
    seeds = len({row["seed"] for row in rows})
    many = f"mean of {seeds} seeds" if seeds > 1 else "one seed"
    note = (
        "Likeness of what two adapters change, mean over branches, on questions of the task "
        f"{tasks[last - 1]}; 100: one could stand for the other. Stream {stream}; {many}"
    )
    style.head(figure, f"{results.titles[recipe]}: likeness of the adapters", note)
    return figure


def pairs(rows: Iterable[dict], column: str, tasks: int) -> np.ndarray:
    """float64 [tasks - 1, tasks - 1], 100 x mean of `column` of a later and an earlier adapter.

    Rows begin with the second adapter, columns with the first. The mean is over the branches of a
    run where it is defined, then over seeds; NaN: nowhere.
    """
    found: dict[tuple[int, int], dict[int, list[float]]] = {}
    for row in rows:
        if not math.isnan(row[column]):
            place = (row["other"] - 2, row["adapter"] - 1)
            found.setdefault(place, {}).setdefault(row["seed"], []).append(row[column])
    matrix = np.full((tasks - 1, tasks - 1), np.nan)
    for place, seeds in found.items():
        means = [math.fsum(each) / len(each) for each in seeds.values()]
        matrix[place] = 100 * math.fsum(means) / len(means)
    return matrix
