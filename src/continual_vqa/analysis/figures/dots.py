"""Dots with intervals in rows: the mark that the per-skill and composition figures share."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes

from continual_vqa.analysis.statistics import Estimate


def rows_of_dots(
    axes: Axes,
    estimates: Sequence[Estimate],
    offset: float,
    *,
    colour: str,
    marker: str,
    label: str = "",
    hollow: bool = False,
) -> None:
    """Estimate i at height i + offset, with its interval; those not defined are left out."""
    defined = [(row, e) for row, e in enumerate(estimates) if not math.isnan(e.mean)]
    for row, e in defined:
        if not math.isnan(e.low):
            axes.plot([e.low, e.high], [row + offset] * 2, color=colour, linewidth=0.9, alpha=0.7)
    axes.plot(
        [e.mean for _, e in defined],
        [row + offset for row, _ in defined],
        linestyle="none",
        marker=marker,
        color=colour,
        markerfacecolor="white" if hollow else colour,
        label=label or None,
    )
