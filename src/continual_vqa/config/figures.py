"""The `figures` block: how figures look. Changing it redraws the figures and nothing else."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from continual_vqa.config.block import Block

Colour = Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")]


class FiguresConfig(Block):
    """Size, resolution and colours of all figures.

    Whatever else makes their look is a style file of matplotlib, which notebooks can use as well:
    `plt.style.use("continual_vqa.analysis.figures.paper")`.
    """

    width: Annotated[
        Literal["column", "page"],
        Field(description="column: 3.3 in, one column of a paper. page: 6.8 in, both columns."),
    ] = "column"
    dpi: Annotated[int, Field(ge=72, le=1200, description="Resolution of the PNG files.")] = 200
    font_size: Annotated[
        float, Field(ge=5, le=24, description="Size of the text in points; ticks are 1 pt smaller.")
    ] = 8.0
    colours: Annotated[
        tuple[Colour, ...],
        Field(
            min_length=1,
            description="Colours of the recipes, in order, repeated with other marks when there "
            "are more recipes. Default: the colour-blind-safe set of Okabe and Ito (2008).",
        ),
    ] = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
    heatmap: Annotated[
        Literal["viridis", "cividis", "magma", "Blues"],
        Field(description="Colour map of the accuracy matrix; each also reads in grey."),
    ] = "cividis"
