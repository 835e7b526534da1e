"""Heat maps whose cells carry their numbers where these can be read."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from continual_vqa.analysis.figures.matrix import SMALLEST, is_dark
from continual_vqa.analysis.figures.style import FAINT, Style


def heat(
    axes: Axes,
    matrix: np.ndarray,
    style: Style,
    colours: str,
    limits: tuple[float, float],
    inches: float,
) -> AxesImage:
    """Draw `matrix`; NaN stays empty.

    Parameters
    ----------
    colours : name of the colour map, which runs over `limits`
    inches : width of a cell, which decides the size of its number
    """
    low, high = limits
    colour_map = mpl.colormaps[colours]
    axes.set_facecolor(FAINT)
    image = axes.imshow(matrix, cmap=colour_map, vmin=low, vmax=high, aspect="auto")
    size = min(style.config.font_size - 1, 0.36 * inches * 72)
    for (row, column), value in np.ndenumerate(matrix):
        if size >= SMALLEST and not np.isnan(value):
            share = (value - low) / (high - low)
            ink = "white" if is_dark(colour_map(min(1.0, max(0.0, share)))) else "black"
            text = f"{round(value)}".replace("-", "−")
            axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=size)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return image


def name_cells(axes: Axes, rows: Sequence[str], columns: Sequence[str], every: int) -> None:
    """Name every `every`-th row and column."""
    turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(0, len(columns), every), columns[::every], **turned)
    axes.set_yticks(range(0, len(rows), every), rows[::every])
