"""The accuracy matrix of one recipe as a heat map."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from continual_vqa.analysis.figures.style import FAINT, Style, colour_scale
from continual_vqa.analysis.study_results import Results

SMALLEST = 3.5  # points; smaller numbers in the cells could not be read and are left out


def draw(results: Results, style: Style, stream: str, recipe: str) -> Figure:
    """Rows: after which task; columns: accuracy on which task; mean over seeds, in percent."""
    seeds = results.matrices(stream, recipe)
    matrix = seeds.mean(axis=0)
    tasks = results.tasks(stream)
    joint = results.is_joint(stream, recipe)
    learned = ["all at once"] if joint else tasks
    cell = style.width / (len(tasks) + 3)
    figure, axes = style.figure(max(1.35, 1.15 + cell * len(learned)))
    axes.set_facecolor(FAINT)
    colours = mpl.colormaps[style.config.heatmap]
    image = axes.imshow(matrix, cmap=colours, vmin=0, vmax=100, aspect="auto")
    size = min(style.config.font_size - 1, 0.36 * cell * 72)
    for (row, column), value in np.ndenumerate(matrix):
        if size >= SMALLEST and not np.isnan(value):
            ink = "white" if is_dark(colours(value / 100)) else "black"
            axes.text(
                column, row, f"{value:.0f}", ha="center", va="center", color=ink, fontsize=size
            )
    every = style.every(1, cell)
    columns, rows = range(0, len(tasks), every), range(0, len(learned), every)
    turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(columns, tasks[::every], **turned)
    axes.set_yticks(rows, learned[::every])
    axes.set_xlabel("evaluated on")
    axes.set_ylabel("" if joint else "after learning")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    colour_scale(figure, image, axes, [0, 50, 100], fraction=0.06)
    many = f"mean of {len(seeds)} seeds" if len(seeds) > 1 else "one seed"
    note = f"Accuracy (%), {many}, stream {stream}; grey: not evaluated"
    style.head(figure, results.titles[recipe], note)
    return figure


def is_dark(colour: tuple[float, float, float, float]) -> bool:
    """Whether text on the colour (red, green, blue, alpha in [0, 1]) must be white."""
    red, green, blue, _ = colour
    return 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
