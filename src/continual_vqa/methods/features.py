"""Keeps the states from which the model before the stage answers replayed examples (VS).

Source: Wan et al., CVPR 2022 (CVS), whose features for search have to fit those of earlier models.
A question has no gallery to be searched in: what is kept here is that of its consistency between
two models, on the states that the head reads, scaled to length 1. Which states, and that the
losses among a session's own examples are left out, are choices of this project.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from continual_vqa.backbones.base import Backbone, Batch
from continual_vqa.backbones.head_states import distance, reading
from continual_vqa.methods.distil import precision_of
from continual_vqa.methods.guard import Guard
from continual_vqa.methods.parameters import FlatParameters


class Features(Guard):
    """Adds strength · squared distance of the states of batches of the memory, and nothing else.

    The mean over an answer's tokens and its end mark, then over the samples.
    """

    def __init__(self, strength: float, teacher: Backbone) -> None:
        self._strength, self._teacher = strength, teacher.eval().requires_grad_(False)
        self._model: Backbone | None = None
        self._own: list[Tensor] = []

    def before_stage(self, model: Backbone, parameters: FlatParameters) -> None:
        """Look at this model from now on."""
        self._model = model

    @contextmanager
    def around(self, batch: Batch) -> Iterator[None]:
        """Keep what the head reads."""
        if not batch.replayed:
            yield
            return
        assert self._model is not None
        with reading(self._model) as self._own:
            yield

    def on_loss(self, loss: Tensor, logits: Tensor, batch: Batch, share: float) -> Tensor:
        """The loss and the distance to the teacher's states."""
        if not batch.replayed:
            return loss
        own, self._own = self._own, []
        with torch.no_grad(), precision_of(logits), reading(self._teacher) as wanted:
            self._teacher.logits(batch)
        assert batch.answers is not None
        real = self._teacher.real(batch.answers)
        each = [
            _mean(distance(mine, theirs), real) for mine, theirs in zip(own, wanted, strict=True)
        ]
        return loss + self._strength * share * torch.stack(each).mean()


def _mean(distances: Tensor, real: Tensor) -> Tensor:
    """Mean over samples of the mean over the `real` (B, L) tokens, or of one state each."""
    if distances.shape != real.shape:
        return distances.mean()
    return ((distances * real).sum(1) / real.sum(1).clamp(min=1)).mean()
