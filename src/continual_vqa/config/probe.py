"""The `probe` block: which methods' damage is traced to the parts of the model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from continual_vqa.config.block import Block


class ProbeConfig(Block):
    """The damage probe: what the drift of one part of the model costs (choice of this project).

    After the last step each part in turn gets back the weights that it had right after an earlier
    task, and that task's test questions are answered again. Standard streams only.
    """

    recipes: Annotated[
        Literal["all"] | tuple[str, ...],
        Field(description="Continual methods of the study that are probed, or all; []: none."),
    ] = ()
