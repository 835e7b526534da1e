"""How all figures look, and how they are saved with reproducible bytes."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from continual_vqa.config.figures import FiguresConfig
from continual_vqa.files.atomic import write_bytes

INCHES = {"column": 3.3, "page": 6.8}
EDGE = 0.05  # inches around the head
MARKERS = "osD^vP*"
GREY = "#666666"
FAINT = "#E6E6E6"


@dataclass(frozen=True, slots=True)
class Style:
    """The looks that a config asks for."""

    config: FiguresConfig

    @property
    def width(self) -> float:
        """Width of a figure in inches."""
        return INCHES[self.config.width]

    def colour(self, number: int) -> str:
        """Colour of recipe `number`."""
        return self.config.colours[number % len(self.config.colours)]

    def marker(self, number: int) -> str:
        """Mark of recipe `number`: it changes with every recipe, so that colour is never alone."""
        return MARKERS[(number + number // len(self.config.colours)) % len(MARKERS)]

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Matplotlib's settings within the block; the backend is not touched."""
        size = self.config.font_size
        sizes: dict[Any, Any] = {
            "font.size": size,
            "axes.titlesize": size,
            "axes.labelsize": size,
            "xtick.labelsize": size - 1,
            "ytick.labelsize": size - 1,
            "legend.fontsize": size - 1,
        }
        with mpl.rc_context({**_paper(), **sizes}):
            yield

    def empty(self, height: float) -> Figure:
        """A figure of this width and `height` inches without axes."""
        return Figure(figsize=(self.width, height), dpi=self.config.dpi, layout="constrained")

    def figure(self, height: float) -> tuple[Figure, Axes]:
        """An empty figure of this width and `height` inches with one pair of axes."""
        figure = self.empty(height)
        return figure, figure.add_subplot()

    def panels(
        self, height: float, rows: int = 1, columns: int = 1, **shared: Any
    ) -> tuple[Figure, list[Axes]]:
        """A figure of `rows` x `columns` pairs of axes, row by row; `shared`: sharex, sharey."""
        figure = self.empty(height)
        return figure, list(figure.subplots(rows, columns, squeeze=False, **shared).flat)

    def every(self, labels: int, inches: float) -> int:
        """n such that every n-th of `labels` that share `inches` of an axis can be read.

        Level or slanted by 45 degrees; n is 1, 2, 5, 10, 20, 50, ...
        """
        room = 1.45 * (self.config.font_size - 1) / 72
        steps = (digit * 10**power for power in itertools.count() for digit in (1, 2, 5))
        return next(n for n in steps if inches * n >= room * labels)

    def head(self, figure: Figure, title: str, note: str) -> None:
        """A bold title and below it, smaller and grey, how the data were taken.

        The figure grows by their height, so that the plot keeps its own.
        """
        size = self.config.font_size
        line = 1.35 * (size - 1.5) / 72  # inches
        characters = int((self.width - 2 * EDGE) * 72 / (0.54 * (size - 1.5)))
        lines = textwrap.wrap(note, characters)
        top = EDGE + 1.4 * size / 72
        height = figure.get_figheight() + top + line * len(lines)
        figure.set_figheight(height)
        engine = figure.get_layout_engine()
        assert isinstance(engine, ConstrainedLayoutEngine)
        engine.set(rect=(0, 0, 1, 1 - (top + line * len(lines)) / height))
        x = EDGE / self.width
        figure.text(x, 1 - EDGE / height, title, va="top", fontsize=size, fontweight="bold")
        for number, text in enumerate(lines):
            y = 1 - (top + line * number) / height
            figure.text(x, y, text, va="top", fontsize=size - 1.5, color=GREY)


@cache
def _paper() -> mpl.RcParams:
    """The settings of `paper.mplstyle`, and no others."""
    path = Path(__file__).with_name("paper.mplstyle")
    return mpl.rc_params_from_file(path, fail_on_error=True, use_default_template=False)


def colour_scale(
    figure: Figure,
    image: ScalarMappable,
    axes: Axes | Sequence[Axes],
    ticks: Sequence[float],
    *,
    fraction: float,
) -> None:
    """Beside `axes` a bar without a frame that tells what the colours of `image` mean.

    `fraction`: the bar's share of their width.
    """
    shown: Any = axes if isinstance(axes, Axes) else list(axes)
    bar: Any = figure.colorbar(image, ax=shown, fraction=fraction, pad=0.02, ticks=list(ticks))
    bar.outline.set_visible(False)


def save(figure: Figure, style: Style, pdf: str | Path, png: str | Path) -> None:
    """Write `figure` as PDF and PNG: the same figure always has the same bytes."""
    dates = {"CreationDate": None, "Creator": None, "Producer": None}
    kinds = ((pdf, "pdf", dates), (png, "png", {"Software": None}))
    with style.applied():
        for path, kind, metadata in kinds:
            # In memory first: where the disk is full, matplotlib leaves its file open.
            drawn = BytesIO()
            figure.savefig(drawn, format=kind, metadata=metadata)
            write_bytes(path, drawn.getvalue())
