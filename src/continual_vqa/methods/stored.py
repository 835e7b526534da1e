"""Replay with stored logits: what a batch of the memory costs (DER, DER++).

Source: Buzzega et al., NeurIPS 2020, whose distance is the mean squared error of the logits.
"""

from __future__ import annotations

import torch
from torch import Tensor

from continual_vqa.backbones.base import Batch
from continual_vqa.config.replay import LogitsReplay
from continual_vqa.methods.guard import Guard

# What may not be answered has a logit far below these; see `backbones.classifier.ABSENT`.
_POSSIBLE = -(2.0**14)


class Stored(Guard):
    """beta · loss + alpha · mean over samples, tokens and stored entries of (z − z_stored)².

    Batches without stored logits, those of the task itself, cost what they would without it.
    """

    # The other guards add to the loss: what is scaled is the examples' own.
    turn = -1

    def __init__(self, config: LogitsReplay) -> None:
        self._alpha, self._beta = config.alpha, config.beta

    def on_loss(self, loss: Tensor, logits: Tensor, batch: Batch, share: float) -> Tensor:
        """The cost of a batch of the memory."""
        if batch.stored is None:
            return loss
        return self._beta * loss + self._alpha * share * distance(logits, batch).mean()


def distance(logits: Tensor, batch: Batch) -> Tensor:
    """(B,): mean squared distance of logits (B, L, V) to the stored ones of the batch."""
    assert batch.stored is not None
    own, stored = logits.float(), batch.stored
    if batch.stored_ids is not None:
        # Places of choices that the batch does not have are not possible below.
        own = own.gather(-1, batch.stored_ids.clamp(max=own.shape[-1] - 1))
    # Places of choices that only other batches have.
    width = min(own.shape[-1], stored.shape[-1])
    own, stored = own[..., :width], stored[..., :width]
    possible = (stored > _POSSIBLE) & (own > _POSSIBLE)
    square = torch.where(possible, own - stored, 0.0).square().sum((1, 2))
    return square / possible.sum((1, 2)).clamp(min=1)
