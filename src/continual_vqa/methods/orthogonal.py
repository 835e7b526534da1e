"""Orthogonality of a stage's low-rank factors to those of earlier stages (O-LoRA).

Source: Wang et al., EMNLP Findings 2023: the rows of every A span the directions a task reads; the
sum of |A_i A_tᵀ| over layers and earlier tasks i is added to the loss of task t.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from continual_vqa.backbones.base import Backbone, Batch
from continual_vqa.backbones.tensor_file import read_tensors
from continual_vqa.config.guards import OrthogonalGuard
from continual_vqa.errors import UserError
from continual_vqa.methods.fitting import check_base, check_tensors
from continual_vqa.methods.guard import Guard
from continual_vqa.methods.parameters import FlatParameters

_READS = ".lora_A."


class Orthogonal(Guard):
    """Adds strength · Σ |A_i A_tᵀ| to the loss; a whole batch adds it once."""

    def __init__(self, config: OrthogonalGuard, stack: Sequence[Path], base_sha256: str) -> None:
        self._config, self._stack, self._base = config, stack, base_sha256
        # The trained A (r, in) of every layer beside the rows (tasks · r, in) of the earlier ones.
        self._pairs: list[tuple[Tensor, Tensor]] = []

    def before_stage(self, model: Backbone, parameters: FlatParameters) -> None:
        """Read the earlier stages' factors.

        Raises
        ------
        UserError : no low-rank factors are trained, or a file that does not fit
        """
        own = {n: p for n, p in model.named_parameters() if _READS in n and p.requires_grad}
        if not own:
            raise UserError(
                "no low-rank factors are trained",
                where="guards: orthogonal",
                expected="tune: lora, on a model with factors",
            )
        earlier: dict[str, list[Tensor]] = {name: [] for name in own}
        for path in self._stack:
            header, tensors = read_tensors(path)
            check_base(path, header, self._base)
            check_tensors(path, {n: tuple(t.shape) for n, t in tensors.items()}, parameters)
            for name, rows in earlier.items():
                rows.append(tensors[name].to(own[name]))
        self._pairs = [(own[name], torch.cat(rows)) for name, rows in earlier.items() if rows]

    def on_loss(self, loss: Tensor, logits: Tensor, batch: Batch, share: float) -> Tensor:
        """The loss with the penalty, times the piece's share of the batch."""
        overlaps = [(earlier @ own.T).abs().sum() for own, earlier in self._pairs]
        return (
            loss + self._config.strength * share * torch.stack(overlaps).sum() if overlaps else loss
        )
