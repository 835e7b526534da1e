"""The `merging` block: what is measured of every merge beside its report."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from continual_vqa.config.block import Block


class MergingConfig(Block):
    """Measurements of merges."""

    drift_questions: Annotated[
        int,
        Field(
            ge=0,
            description="Training questions of each merged model's own task on which its logits "
            "are compared with those of the merge (merges/<id>/drift.json); 0: not compared.",
        ),
    ] = 100
