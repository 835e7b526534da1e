"""Distillation from the model before the stage on the current task's inputs.

Source: Li and Hoiem, ECCV 2016 (LwF). For a model that writes its answer token by token, both
models read the current answer so far (teacher forcing): a choice of this project.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from continual_vqa.backbones.base import Backbone, Batch
from continual_vqa.config.guards import DistilGuard
from continual_vqa.methods.guard import Guard
from continual_vqa.methods.parameters import FlatParameters


class Distil(Guard):
    """Adds strength · T² · KL(teacher ‖ student), both distributions at temperature T.

    The mean over an answer's tokens and its end mark, then over the samples: unlike the task's
    loss it is not weighted by the answers' scores, since the teacher does not depend on them.
    """

    def __init__(self, config: DistilGuard, teacher: Backbone) -> None:
        self._strength, self._temperature = config.strength, config.temperature
        self._teacher = teacher.eval().requires_grad_(False)

    def before_stage(self, model: Backbone, parameters: FlatParameters) -> None:
        """Nothing: the teacher came with its weights."""

    def on_loss(self, loss: Tensor, logits: Tensor, batch: Batch, share: float) -> Tensor:
        """The task's loss and the distance to the teacher."""
        assert batch.answers is not None
        with torch.no_grad(), precision_of(logits):
            wanted = self._teacher.logits(batch)
        real = self._teacher.real(batch.answers)
        distance = divergence(logits, wanted, self._temperature) * real
        mean = (distance.sum(1) / real.sum(1).clamp(min=1)).mean()
        return loss + self._strength * self._temperature**2 * share * mean


def divergence(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """KL(teacher ‖ student) (B, L) of the distributions of logits (B, L, V) at a temperature."""
    own = F.log_softmax(student.float() / temperature, -1)
    wanted = F.log_softmax(teacher.float() / temperature, -1)
    return F.kl_div(own, wanted, reduction="none", log_target=True).sum(-1)


def precision_of(logits: Tensor) -> torch.autocast:
    """The teacher computes as the student did, so that equal weights give equal logits."""
    low = logits.dtype in (torch.bfloat16, torch.float16)
    return torch.autocast(
        logits.device.type, dtype=logits.dtype if low else torch.bfloat16, enabled=low
    )
