"""Guards: what protects earlier tasks while a stage is trained (design, section 3).

The loop calls every hook of every guard in order and knows nothing else of them. Today's recipes
have none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from torch import Tensor

from continual_vqa.backbones.base import Backbone, Batch
from continual_vqa.config.recipe import Recipe
from continual_vqa.methods.parameters import FlatParameters


class Guard(Protocol):
    """Hooks of one guard; a hook that has nothing to do is an empty method."""

    def before_stage(self, model: Backbone, parameters: FlatParameters) -> None:
        """Once, when the stage's starting weights are in place."""
        ...

    def on_loss(self, loss: Tensor, logits: Tensor, batch: Batch, share: float) -> Tensor:
        """The loss to differentiate, given the task's loss and logits (B, L, V) of a piece.

        `share` is the piece's share of the whole batch: a penalty that belongs to the step as a
        whole is multiplied by it.
        """
        ...

    def before_step(self, parameters: FlatParameters) -> None:
        """After clipping, before the optimiser: may keep what `after_step` compares with."""
        ...

    def after_backward(self, parameters: FlatParameters) -> None:
        """Before clipping and the optimiser: may change `parameters.gradient` in place."""
        ...

    def after_step(self, parameters: FlatParameters) -> None:
        """After the optimiser: may change `parameters.values` in place."""
        ...


@dataclass(frozen=True, slots=True)
class GuardFiles:
    """What guards read of earlier stages.

    Attributes
    ----------
    masks : one for each mask guard, in the recipe's order
    importances : of every earlier step, for every measurement that a guard reads
    teacher : checkpoint of the model before this stage
    """

    masks: Sequence[Path] = ()
    importances: Sequence[Path] = ()
    teacher: Path | None = None


def guards_of(
    recipe: Recipe,
    files: GuardFiles,
    base_sha256: str,
    make_teacher: Callable[[Path], Backbone],
) -> tuple[Guard, ...]:
    """The guards that a recipe asks for."""
    assert recipe.guards == (), "being written"
    return ()
