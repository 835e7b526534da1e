"""The hooks of a guard: where the training loop lets it act."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple, Protocol

from torch import Tensor

from continual_vqa.backbones.base import Backbone, Batch
from continual_vqa.methods.parameters import FlatParameters


class Moments(Protocol):
    """The optimiser's running means of the gradient and of its square."""

    def forget(self, entries: Tensor) -> None:
        """Zero both for `entries`, (n,) bool."""
        ...


class Alignment(NamedTuple):
    """Signs of one part's trained weights against the stage's starting weights, after one step."""

    step: int  # optimiser step in the stage, from 1
    part: str
    entries: int  # compared: the largest starting weights
    conflicts: int  # of these, those of the other sign
    misaligned_all: int  # entries of the other sign among all of the part
    reset: bool  # whether the conflicts were taken back


class Guard:
    """Hooks of one guard; each does nothing unless a guard says otherwise.

    A guard keeps nothing from step to step that its files and the stage's starting weights do not
    give back, so an interrupted stage saves no state of it.

    Attributes
    ----------
    turn : guards act in the order of their turns, whatever the order of the recipe; what has to
        have the last word on the weights has the last turn
    """

    turn: int = 0

    def before_stage(self, model: Backbone, parameters: FlatParameters) -> None:
        """Once, when the stage's starting weights are in place."""

    def around(self, batch: Batch) -> AbstractContextManager[object]:
        """What the forward pass of a piece runs within."""
        return nullcontext()

    def on_loss(self, loss: Tensor, logits: Tensor, batch: Batch, share: float) -> Tensor:
        """The loss to differentiate, given the task's loss and logits (B, L, V) of a piece.

        `share` is the piece's share of the whole batch: what is a mean over the piece is
        multiplied by it, so that the pieces add up to the mean over the batch.
        """
        return loss

    def after_backward(self, parameters: FlatParameters) -> None:
        """Before clipping and the optimiser: may change `parameters.gradient` in place."""

    def before_step(self, parameters: FlatParameters) -> None:
        """After clipping, before the optimiser: may keep what `after_step` compares with."""

    def after_step(self, parameters: FlatParameters) -> None:
        """After the optimiser: may change `parameters.values` in place."""

    def after_update(
        self, parameters: FlatParameters, moments: Moments, step: int, *, last: bool
    ) -> Sequence[Alignment]:
        """When all of step `step` (from 1) is done, replay too; returns what is to be kept.

        `last` tells that the stage ends with it. May change `parameters.values` and `moments` in
        place.
        """
        return ()
