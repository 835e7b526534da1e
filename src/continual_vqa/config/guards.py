"""Guards: what protects earlier tasks while a stage is trained. Each kind is one block."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from continual_vqa.config.block import Block
from continual_vqa.config.importance import ImportanceConfig

Share = Annotated[float, Field(ge=0, le=1)]


class PartShares(Block):
    """One share in [0, 1] for each part of the backbone."""

    vision: Annotated[Share, Field(description="Visual embedding, encoder, projector.")] = 0.5
    language: Annotated[Share, Field(description="Language model, or the factors on it.")] = 0.5


class PenaltyGuard(Block):
    """Quadratic penalty on leaving the previous weights, weighted by importance (EWC, MAS)."""

    kind: Annotated[Literal["penalty"], Field(description="This kind of guard.")] = "penalty"
    importance: Annotated[
        ImportanceConfig, Field(description="The importance that weights the penalty.")
    ] = ImportanceConfig()
    strength: Annotated[
        float,
        Field(
            ge=0,
            description="Factor of strength/2 · Σ importance · (weight − previous weight)².",
        ),
    ] = 100.0
    accumulate: Annotated[
        Literal["sum", "mean", "max", "decay"],
        Field(
            description="How the importances of the tasks so far become one. decay: each new task "
            "multiplies the earlier sum by `decay` (online EWC)."
        ),
    ] = "sum"
    decay: Annotated[Share, Field(description="Factor of accumulate: decay.")] = 0.9


class MaskGuard(Block):
    """Protects the most important entries, chosen part by part (AIM) or over all at once."""

    kind: Annotated[Literal["mask"], Field(description="This kind of guard.")] = "mask"
    importance: Annotated[
        ImportanceConfig, Field(description="The importance that ranks the entries.")
    ] = ImportanceConfig()
    scope: Annotated[
        Literal["per_part", "global"],
        Field(
            description="per_part: a threshold for each part (AIM). global: one threshold with the "
            "same total budget (AIM's control)."
        ),
    ] = "per_part"
    budget: Annotated[PartShares, Field(description="Share of the entries that is protected.")] = (
        PartShares()
    )
    accumulate: Annotated[
        Literal["union", "max", "decay"],
        Field(
            description="How the tasks so far share the budget. union: entries by their best rank "
            "in any task. max: by their largest importance in any task. decay: by the sum in which "
            "each new task multiplies the earlier ones by `decay`."
        ),
    ] = "max"
    decay: Annotated[Share, Field(description="Factor of accumulate: decay.")] = 0.9
    strength: Annotated[
        PartShares,
        Field(
            description="Share of a protected entry's step that is taken away; 1: the entry does "
            "not move at all."
        ),
    ] = PartShares(vision=1.0, language=1.0)
    directional: Annotated[
        Share,
        Field(
            description="Share of the step's component along the earlier tasks' mean gradient that "
            "is taken away where it would raise their loss to first order; 0: off."
        ),
    ] = 0.0

    def choosing(self) -> dict[str, object]:
        """The settings that decide which entries are protected; the others act in training."""
        return self.model_dump(mode="json", exclude={"strength", "directional"})


class DistilGuard(Block):
    """Distillation from the model before this stage on the current task's inputs (LwF)."""

    kind: Annotated[Literal["distil"], Field(description="This kind of guard.")] = "distil"
    strength: Annotated[float, Field(ge=0, description="Weight beside the task's loss.")] = 1.0
    temperature: Annotated[float, Field(gt=0, description="Temperature of both distributions.")] = (
        2.0
    )


class AlignGuard(Block):
    """Takes back entries whose sign turned against the stage's starting weights (PAM).

    Source: arXiv 2506.03189. The starting weights are the global ones when start is merged; what
    the paper leaves open (period, scope, reset) is a choice of this project.
    """

    kind: Annotated[Literal["align"], Field(description="This kind of guard.")] = "align"
    every: Annotated[
        int,
        Field(
            ge=1, description="Optimiser steps between two alignments; the last step aligns too."
        ),
    ] = 10
    top: Annotated[
        Share,
        Field(description="Share of the starting weights that is compared: the largest ones."),
    ] = 0.5
    scope: Annotated[
        Literal["tensor", "global"],
        Field(
            description="The largest entries of each tensor, or of all trained tensors together."
        ),
    ] = "tensor"
    reset: Annotated[
        Literal["zero", "start", "none"],
        Field(
            description="What an entry of the other sign becomes. zero. start: its starting "
            "weight. none: nothing, conflicts are only counted."
        ),
    ] = "zero"


class OrthogonalGuard(Block):
    """Keeps a stage's low-rank factors apart from those of earlier stages (O-LoRA).

    Source: Wang et al., EMNLP Findings 2023: strength · Σ |A_i A_tᵀ| over layers and tasks i < t.
    """

    kind: Annotated[Literal["orthogonal"], Field(description="This kind of guard.")] = "orthogonal"
    strength: Annotated[float, Field(ge=0, description="Weight beside the task's loss.")] = 0.5


GuardConfig = Annotated[
    PenaltyGuard | MaskGuard | DistilGuard | AlignGuard | OrthogonalGuard,
    Field(discriminator="kind"),
]
