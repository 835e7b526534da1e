"""How the importance of every trained weight for a task is measured."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from continual_vqa.config.block import Block


class ImportanceConfig(Block):
    """One measurement of importance, made after a task with the task's own training questions.

    Two methods that ask for the same measurement after the same stage share one file.
    """

    kind: Annotated[
        Literal["fisher", "mas"],
        Field(
            description="fisher: squared gradient of the answer's log-probability (diagonal Fisher "
            "information). mas: absolute gradient of the squared norm of the logits."
        ),
    ] = "fisher"
    labels: Annotated[
        Literal["data", "model"],
        Field(
            description="Answers of the Fisher information: drawn from the annotators' as in "
            "training, or sampled from the model."
        ),
    ] = "data"
    gradients: Annotated[
        Literal["per_sample", "batch"],
        Field(
            description="per_sample: each sample's gradient is squared before the sum (exact). "
            "batch: the mean gradient of a batch is squared (an approximation)."
        ),
    ] = "per_sample"
    samples: Annotated[
        int,
        Field(ge=0, description="Training questions of the task, chosen by the seed; 0: all."),
    ] = 300
    batch_size: Annotated[
        int, Field(ge=1, description="Questions at a time; changes results only with batch.")
    ] = 32
    precision: Annotated[
        Literal["fp32", "bf16"],
        Field(description="fp32, or bf16 autocast; sums are always kept in fp32."),
    ] = "fp32"
    direction: Annotated[
        bool, Field(description="Also keep the mean gradient of the task's loss.")
    ] = False
