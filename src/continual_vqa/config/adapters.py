"""The `adapters` block: what is measured of banks of adapters."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from continual_vqa.config.block import Block


class AdaptersConfig(Block):
    """Measurements of banks of adapters."""

    questions: Annotated[
        int,
        Field(
            ge=1,
            description="Test questions of each task on which the weights of the bank's adapters "
            "and the likeness of what they change are measured "
            "(stages/<id>/adapters.parquet).",
        ),
    ] = 100
