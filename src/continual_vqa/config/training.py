"""The `training` block: how one stage is trained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from continual_vqa.config.block import Block


class TrainingConfig(Block):
    """Optimisation of one stage.

    The defaults are the miniature's. VQACL's published values (Zhang et al., CVPR 2023) are
    epochs 3, batch_size 80, lr 1e-4, warmup 0.1, weight_decay 0.01, clip 5, schedule per_group.
    """

    epochs: Annotated[int, Field(ge=1, description="Passes over the data of a group.")] = 20
    batch_size: Annotated[int, Field(ge=1, description="Questions per optimiser step.")] = 32
    accumulation: Annotated[
        int,
        Field(
            ge=1,
            description="Pieces into which a batch is cut; the gradient is that of the whole "
            "batch, in less memory.",
        ),
    ] = 1
    lr: Annotated[float, Field(gt=0, description="Peak learning rate of AdamW.")] = 5e-4
    vision_lr: Annotated[
        float | None,
        Field(gt=0, description="Peak learning rate of the part vision; null: the same as lr."),
    ] = None
    fall: Annotated[
        Literal["linear", "cosine"],
        Field(description="How the learning rate falls to 0 after warm-up."),
    ] = "linear"
    beta1: Annotated[float, Field(ge=0, lt=1, description="AdamW's first decay rate.")] = 0.9
    beta2: Annotated[float, Field(ge=0, lt=1, description="AdamW's second decay rate.")] = 0.999
    eps: Annotated[float, Field(gt=0, description="AdamW's epsilon.")] = 1e-6
    warmup: Annotated[
        float, Field(ge=0, le=1, description="Share of a schedule's steps with rising rate.")
    ] = 0.1
    weight_decay: Annotated[
        float,
        Field(ge=0, description="Decoupled weight decay of matrices (not of biases and norms)."),
    ] = 0.01
    clip: Annotated[
        float, Field(ge=0, description="Gradient norm is clipped to this; 0: no clipping.")
    ] = 5.0
    precision: Annotated[
        Literal["fp32", "bf16"], Field(description="fp32, or bf16 autocast with fp32 weights.")
    ] = "fp32"
    schedule: Annotated[
        Literal["per_group", "per_stage"],
        Field(
            description="per_group: the concept groups of a task one after the other, each with a "
            "fresh optimiser and schedule (VQACL). per_stage: all at once, shuffled together, as "
            "joint training always does."
        ),
    ] = "per_group"
    target: Annotated[
        Literal["by_score", "by_count", "majority"],
        Field(
            description="Training answer of a question, drawn anew each epoch: in proportion to "
            "the answers' VQA scores (VL-T5), to how many annotators gave them, or always the most "
            "frequent one. The loss is weighted by the drawn answer's score. A model that chooses "
            "from a list is trained on all at once, labelled with these scores, with the share of "
            "annotators, or with 1 for the most frequent."
        ),
    ] = "by_score"
    memory_mb: Annotated[
        int,
        Field(
            ge=0,
            description="Decoded images are kept in memory up to this size; beyond it they are "
            "decoded each time.",
        ),
    ] = 1000
    save_every_minutes: Annotated[
        float, Field(gt=0, description="Minutes between saves of the in-flight state.")
    ] = 10.0
