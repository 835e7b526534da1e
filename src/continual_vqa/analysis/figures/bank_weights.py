"""The weight that each task gives to the adapters of its bank, on average and along the layers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.figure import Figure

from continual_vqa.analysis.figures.heat import heat, name_cells
from continual_vqa.analysis.figures.style import Style, colour_scale
from continual_vqa.analysis.study_results import Results

Layer = tuple[str, int]  # the stack, and the layer in it from 1
MOST_PANELS = 8  # of layers; more layers share a panel
STEP = 5  # the colours run over a range of whole multiples of it
MARGIN = 1.5  # inches beside the heat maps


def draw(results: Results, style: Style, stream: str, recipe: str) -> Figure:
    """Rows: the task that is answered; columns: whose adapter; a large map and one a layer."""
    rows = [
        row
        for row in results.rows("adapters", stream)
        if row["recipe"] == recipe and row["other"] is None
    ]
    tasks = results.tasks(stream)
    blocks = in_blocks({(row["stack"], row["layer"]) for row in rows})
    mean = weights(rows, len(tasks))
    small = {
        name: weights([r for r in rows if (r["stack"], r["layer"]) in layers], len(tasks))
        for name, layers in blocks.items()
    }
    limits = limits_of([mean, *small.values()])
    columns = 2 if style.config.width == "column" else 4
    places = _places(len(small), columns)
    lines = 1 + max([1, *(line for line, _ in places)])
    unit = (style.width - MARGIN) / columns
    figure = style.empty(0.9 + unit * 0.85 * lines)
    grid = figure.add_gridspec(lines, columns)
    large = figure.add_subplot(grid[:2, :2])
    cell = 2 * unit / len(tasks)
    image = heat(large, mean, style, style.config.heatmap, limits, cell)
    name_cells(large, tasks, tasks, style.every(len(tasks), 2 * unit * 0.85))
    large.set_title("all branches")
    large.set_xlabel("adapter of")
    large.set_ylabel("answering")
    panels = [large]
    for (name, matrix), (line, column) in zip(small.items(), places, strict=True):
        axes = figure.add_subplot(grid[line, column])
        heat(axes, matrix, style, style.config.heatmap, limits, 0.85 * unit / len(tasks))
        axes.set_title(name)
        axes.set_xticks([])
        axes.set_yticks([])
        panels.append(axes)
    colour_scale(figure, image, panels, limits, fraction=0.04)
    seeds = len({row["seed"] for row in rows})
    many = f"mean of {seeds} seeds" if seeds > 1 else "one seed"
    note = (
        "Weight of each adapter (× 100), mean over questions and branches, before any "
        f"normalisation; small: the same in the layers. Stream {stream}; {many}"
    )
    style.head(figure, f"{results.titles[recipe]}: weights of the adapters", note)
    return figure


def weights(rows: Iterable[dict], tasks: int) -> np.ndarray:
    """float64 [tasks, tasks], 100 x mean weight of an adapter (column) for a task (row).

    The mean is over the branches of a run, then over seeds; NaN: not asked.
    """
    found: dict[tuple[int, int], dict[int, list[float]]] = {}
    for row in rows:
        place = (row["step"] - 1, row["adapter"] - 1)
        found.setdefault(place, {}).setdefault(row["seed"], []).append(row["weight"])
    matrix = np.full((tasks, tasks), np.nan)
    for place, seeds in found.items():
        means = [math.fsum(each) / len(each) for each in seeds.values()]
        matrix[place] = 100 * math.fsum(means) / len(means)
    return matrix


def in_blocks(layers: Iterable[Layer]) -> dict[str, set[Layer]]:
    """Panel -> its layers: of every stack neighbours together, so that MOST_PANELS are enough.

    The encoder stands before the decoder, as signals pass.
    """
    stacks: dict[str, list[int]] = {}
    for stack, layer in sorted(layers, key=lambda each: (each[0] != "encoder", each)):
        stacks.setdefault(stack, []).append(layer)
    most = max(1, MOST_PANELS // max(1, len(stacks)))
    found: dict[str, set[Layer]] = {}
    for stack, own in stacks.items():
        size = math.ceil(len(own) / most)
        for begin in range(0, len(own), size):
            some = own[begin : begin + size]
            span = f"{some[0]}" if len(some) == 1 else f"{some[0]}–{some[-1]}"
            found[f"{stack or 'layer'} {span}"] = {(stack, layer) for layer in some}
    return found


def limits_of(matrices: Sequence[np.ndarray]) -> tuple[float, float]:
    """The range of all values, widened to multiples of STEP that differ."""
    values = np.concatenate([matrix[~np.isnan(matrix)] for matrix in matrices])
    low = STEP * math.floor(float(values.min()) / STEP)
    return low, max(STEP * math.ceil(float(values.max()) / STEP), low + STEP)


def _places(panels: int, columns: int) -> list[tuple[int, int]]:
    """Line and column of the small maps: beside the large one of 2 x 2, then below it."""
    beside = [(line, column) for line in range(2) for column in range(2, columns)]
    further = max(0, panels - len(beside))
    below = [(2 + n // columns, n % columns) for n in range(further)]
    return [*beside, *below][:panels]
