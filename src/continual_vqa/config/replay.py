"""The `replay` block: the memory of methods that replay earlier tasks."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from continual_vqa.config.block import Block


class ReplayConfig(Block):
    """Memory of the recipes whose slot `replay` is not none.

    Source: VQACL (Zhang et al., CVPR 2023), which keeps 5000 questions of VQA v2's 440,000. The
    default is about the same share of the miniature's questions.
    """

    size: Annotated[
        int,
        Field(
            ge=1,
            description="Questions kept in all. Before a task every earlier task keeps an equal "
            "number, evenly from its groups, chosen by the seed.",
        ),
    ] = 100
