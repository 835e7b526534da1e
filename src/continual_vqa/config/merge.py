"""Merges: what is deployed after a stage, made of earlier weights. Each kind is one block."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from continual_vqa.config.block import Block

Share = Annotated[float, Field(ge=0, le=1)]
Density = Annotated[float, Field(gt=0, le=1)]


class _Merge(Block):
    """What every kind of merge has."""

    of: Annotated[
        Literal["pair", "all"],
        Field(
            description="What is merged. pair: the weights deployed before this stage and those it "
            "has trained, two files whatever the number of tasks. all: those trained in every "
            "stage so far."
        ),
    ] = "pair"
    space: Annotated[
        Literal["tensors", "updates"],
        Field(
            description="tensors: every trained tensor entry by entry, low-rank factors too. "
            "updates: of low-rank factors the products B·A, refactored to their rank by a singular "
            "value decomposition; tensors without factors as in tensors."
        ),
    ] = "tensors"


class AverageMerge(_Merge):
    """The mean of the merged weights; of: pair is PAM's step (arXiv 2506.03189)."""

    kind: Annotated[Literal["average"], Field(description="This kind of merge.")] = "average"


class RunningMerge(_Merge):
    """(1 - 1/t) of the deployed weights and 1/t of the trained ones after t tasks."""

    kind: Annotated[Literal["running"], Field(description="This kind of merge.")] = "running"
    of: Annotated[Literal["pair"], Field(description="Always the pair.")] = "pair"


class LinearMerge(_Merge):
    """(1 - coefficient) of the deployed weights and coefficient of the trained ones."""

    kind: Annotated[Literal["linear"], Field(description="This kind of merge.")] = "linear"
    of: Annotated[Literal["pair"], Field(description="Always the pair.")] = "pair"
    coefficient: Annotated[Share, Field(description="Weight of the newly trained weights.")] = 0.5


class TaskArithmeticMerge(_Merge):
    """base + scale · Σ (weights - base) (Ilharco et al., ICLR 2023)."""

    kind: Annotated[Literal["task_arithmetic"], Field(description="This kind of merge.")] = (
        "task_arithmetic"
    )
    scale: Annotated[float, Field(ge=0, description="Factor of the summed differences.")] = 0.4


class TiesMerge(_Merge):
    """Trim, elect signs, disjoint mean of the differences to the base (Yadav et al., 2023)."""

    kind: Annotated[Literal["ties"], Field(description="This kind of merge.")] = "ties"
    density: Annotated[
        Density, Field(description="Share of each tensor's entries that is kept, by magnitude.")
    ] = 0.2
    scale: Annotated[float, Field(ge=0, description="Factor of the merged difference.")] = 1.0


class DareMerge(_Merge):
    """Differences dropped at random, the rest scaled up, then averaged (Yu et al., ICML 2024)."""

    kind: Annotated[Literal["dare"], Field(description="This kind of merge.")] = "dare"
    density: Annotated[
        Density, Field(description="Chance of an entry to be kept; it is divided by it.")
    ] = 0.5
    scale: Annotated[float, Field(ge=0, description="Factor of the mean difference.")] = 1.0
    seed: Annotated[int, Field(ge=0, description="Seed of what is dropped.")] = 0


class MagMaxMerge(_Merge):
    """Of every entry the difference of largest magnitude (Marczak et al., ECCV 2024)."""

    kind: Annotated[Literal["magmax"], Field(description="This kind of merge.")] = "magmax"
    scale: Annotated[float, Field(ge=0, description="Factor of the merged difference.")] = 0.5


MergeConfig = Annotated[
    AverageMerge
    | RunningMerge
    | LinearMerge
    | TaskArithmeticMerge
    | TiesMerge
    | DareMerge
    | MagMaxMerge,
    Field(discriminator="kind"),
]
