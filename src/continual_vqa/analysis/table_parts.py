"""What a table is made of, ready for any output format."""

from __future__ import annotations

import math
from dataclasses import dataclass

from continual_vqa.analysis.statistics import Estimate

UNDEFINED = "–"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of estimates.

    Attributes
    ----------
    heading : with the unit
    digits : how many decimals it shows
    counted : what the estimates are means over
    """

    heading: str
    digits: int = 2
    counted: str = "seeds"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of labels and estimates, ready for any output format.

    Attributes
    ----------
    labels : headings of the label columns
    columns : the columns of estimates
    rows : labels and estimates of every row
    note : what was measured and how the intervals were made
    """

    labels: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[Estimate, ...]], ...]
    note: str


def cell_text(estimate: Estimate, digits: int, plus_minus: str = "±") -> str:
    """ "mean ± half width", the mean alone without an interval, or "–" when not defined."""
    if math.isnan(estimate.mean):
        return UNDEFINED
    mean = f"{estimate.mean:.{digits}f}".replace("-", "−")
    if math.isnan(estimate.low):
        return mean
    return f"{mean} {plus_minus} {estimate.half_width:.{digits}f}"
