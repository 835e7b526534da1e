"""What the slot `tune` may hold beside a name: adapters on the residual branches of the model."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from continual_vqa.config.block import Block

Phase = Literal["experience", "expansion"]
PHASES: tuple[Phase, ...] = get_args(Phase)  # in the order in which they are trained


class AdapterTuning(Block):
    """One adapter in every residual branch, trained in every stage: h + W_up SiLU(W_down h)."""

    kind: Annotated[Literal["adapter"], Field(description="One adapter.")] = "adapter"
    width: Annotated[int, Field(ge=1, description="Inner width of an adapter.")] = 48


class BankTuning(Block):
    """A bank that grows by one adapter per task, each task weighting those before (ATLAS).

    Source: arXiv 2410.10923. An adapter's weight is the cosine of its key and what the task's
    query for it finds in its output; earlier adapters and keys never change.
    """

    kind: Annotated[Literal["adapter_bank"], Field(description="A bank of adapters.")] = (
        "adapter_bank"
    )
    width: Annotated[int, Field(ge=1, description="Inner width of an adapter.")] = 48
    heads: Annotated[
        int,
        Field(ge=1, description="Heads of a query's attention; they divide the branch's width."),
    ] = 4
    weights: Annotated[
        Literal["scalar", "per_dimension", "uniform"],
        Field(
            description="An adapter's weight. scalar: the cosine, moved to [0, 1] (the paper). "
            "per_dimension: one in (0, 1) for each entry. uniform: 1 / adapters (ablation)."
        ),
    ] = "scalar"
    normalised: Annotated[
        bool,
        Field(
            description="Divide the weights by their sum. The paper does not: more adapters then "
            "mean larger branches."
        ),
    ] = False
    phases: Annotated[
        tuple[Phase, ...],
        Field(
            min_length=1,
            description="Training phases of a task after the first. experience: its queries to "
            "the earlier adapters. expansion: its own adapter, query and key.",
        ),
    ] = PHASES
    orthogonality: Annotated[
        float,
        Field(ge=0, description="Strength of keeping queries, and keys, apart from each other."),
    ] = 0.1
    query_lr: Annotated[
        float,
        Field(gt=0, description="Learning rate of the queries in the experience phase, as factor."),
    ] = 100.0


Adapters = Annotated[AdapterTuning | BankTuning, Field(discriminator="kind")]
Tuning = Literal["default", "full", "lora", "head"] | Adapters
