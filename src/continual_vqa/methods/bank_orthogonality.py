"""Keeps a task's queries, and a bank's keys, apart from each other (ATLAS).

Source: arXiv 2410.10923, section 3: ortho(T) = mean((T Tᵀ − I)²) / (n · d) of n vectors of width d,
over all branches; of the queries in both phases, of the keys while an adapter is added.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from continual_vqa.backbones.bank import BankBranch
from continual_vqa.backbones.base import Backbone, Batch
from continual_vqa.config.tuning import BankTuning, Phase
from continual_vqa.methods.guard import Guard
from continual_vqa.methods.parameters import FlatParameters


def orthogonality(vectors: Tensor) -> Tensor:
    """mean((T Tᵀ − I)²) / (n · d) of `vectors` (..., n, d), the mean over all leading places."""
    n, d = vectors.shape[-2:]
    gram = vectors @ vectors.transpose(-1, -2)
    return ((gram - torch.eye(n, device=gram.device, dtype=gram.dtype)) ** 2).mean() / (n * d)


class BankOrthogonality(Guard):
    """Adds strength · (ortho(queries) + ortho(keys)) to the loss; a whole batch adds it once."""

    def __init__(self, tuning: BankTuning, phase: Phase) -> None:
        self._strength, self._phase = tuning.orthogonality, phase
        self._branches: list[BankBranch] = []

    def before_stage(self, model: Backbone, parameters: FlatParameters) -> None:
        """Find the branches of the model's bank."""
        assert model.bank is not None, "a stage that tunes a bank has one"
        self._branches = [cast(BankBranch, branch) for branch in model.bank.values()]

    def on_loss(self, loss: Tensor, logits: Tensor, batch: Batch, share: float) -> Tensor:
        """The loss with the penalty, times the piece's share of the batch."""
        # Branches of one model may differ in width: each is a matrix of its own.
        return (
            loss
            + self._strength
            * share
            * torch.stack([self._of(branch) for branch in self._branches]).mean()
        )

    def _of(self, branch: BankBranch) -> Tensor:
        queries = orthogonality(branch.task_queries)
        if self._phase == "experience":
            return queries
        return queries + orthogonality(branch.task_keys)
