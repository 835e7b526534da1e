"""Keeps the attention that the model before the stage pays to replayed questions (QUAD).

Source: arXiv 2502.04469, which asks for consistent attention within and across modalities. All
attention layers count alike, and the distance is that of their weights: choices of this project.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from continual_vqa.backbones.attention_maps import recording
from continual_vqa.backbones.base import Backbone, Batch
from continual_vqa.methods.distil import precision_of
from continual_vqa.methods.guard import Guard


class Attention(Guard):
    """Adds strength · distance of the attention of batches of the memory, and nothing to others."""

    def __init__(self, strength: float, teacher: Backbone) -> None:
        self._strength, self._teacher = strength, teacher
        self._own: list[Tensor] = []

    @contextmanager
    def around(self, batch: Batch) -> Iterator[None]:
        """Keep what the model attends to."""
        if not batch.replayed:
            yield
            return
        with recording() as self._own:
            yield

    def on_loss(self, loss: Tensor, logits: Tensor, batch: Batch, share: float) -> Tensor:
        """The loss and the distance to the teacher's attention."""
        if not batch.replayed:
            return loss
        own, self._own = self._own, []
        with torch.no_grad(), precision_of(logits), recording() as wanted:
            self._teacher.logits(batch)
        return loss + self._strength * share * distance(own, wanted)


def distance(own: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """Mean over layers, samples, heads and places of Σ |difference| of the weights, in [0, 2]."""
    each = [
        (mine.float() - theirs.float()).abs().sum(-1).mean()
        for mine, theirs in zip(own, wanted, strict=True)
    ]
    return torch.stack(each).mean()
