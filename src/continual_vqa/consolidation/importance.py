"""The importance of every trained weight, summed over the samples of one batch after another.

- fisher: the squared gradient of log p(answer | image, question), log p summed over the answer's
  tokens and the end mark: the diagonal of the Fisher information, empirical with the annotators'
  answers, the true one with answers sampled from the model (Kirkpatrick et al., PNAS 2017).
- mas: the absolute gradient of the squared L2 norm of the logits, summed over the answer's real
  positions (Aljundi et al., ECCV 2018; the sum over positions is a choice of this project).
- gradients: batch is an approximation that takes one backward pass for a batch: the batch's mean
  gradient stands for that of each of its samples. What it gives depends on the batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from continual_vqa.backbones.base import Backbone, Batch
from continual_vqa.config.importance import ImportanceConfig
from continual_vqa.consolidation.importance_file import DIRECTION
from continual_vqa.consolidation.per_sample import Norm, PerSample


class ImportanceSums:
    """Sums over the samples added so far.

    Attributes
    ----------
    sums : parameter -> sum (fp32, or wider where the parameter is); with `config.direction` also
        "direction:" + parameter -> sum of the gradients of the loss -log p

    `model` is put in evaluation mode; of its parameters only those called `names` require gradients
    from then on.
    """

    def __init__(self, model: Backbone, names: Sequence[str], config: ImportanceConfig) -> None:
        self._model, self._config = model.eval(), config
        self._norm: Norm = "squared" if config.kind == "fisher" else "absolute"
        self._per_sample: PerSample | None = None
        chosen = set(names)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name in chosen)
        self._parameters = {n: p for n, p in model.named_parameters() if n in chosen}
        prefixes = ("", DIRECTION) if config.direction else ("",)
        self.sums = {
            prefix + name: torch.zeros_like(p, dtype=torch.promote_types(p.dtype, torch.float32))
            for prefix in prefixes
            for name, p in self._parameters.items()
        }

    @property
    def one_by_one(self) -> frozenset[str]:
        """Parameters that need a backward pass for each sample; known after the first batch."""
        return self._per_sample.one_by_one if self._per_sample else frozenset()

    def add(self, batch: Batch) -> None:
        """Add the samples of `batch`, which holds their answers."""
        if self._config.gradients == "per_sample":
            if self._per_sample is None:
                self._per_sample = PerSample(self._parameters, self._objective, self._norm)
            self._per_sample.add(batch, self.sums)
        else:
            sums, gradients = self._gradients(self._objective(batch))
            accumulate(sums, gradients, self._norm, len(batch.questions))
        if self._config.direction:
            sums, gradients = self._gradients(-self._log_likelihoods(batch), DIRECTION)
            for total, gradient in zip(sums, gradients, strict=True):
                total.add_(gradient)

    def _gradients(self, values: Tensor, prefix: str = "") -> tuple[list[Tensor], list[Tensor]]:
        """The sums called `prefix` + name, and beside them the gradients of the sum of `values`."""
        found = torch.autograd.grad(
            values.sum(), list(self._parameters.values()), allow_unused=True
        )
        pairs = [
            (self.sums[prefix + name], gradient)
            for name, gradient in zip(self._parameters, found, strict=True)
            if gradient is not None
        ]
        return [total for total, _ in pairs], [gradient for _, gradient in pairs]

    def _objective(self, batch: Batch) -> Tensor:
        """The values (B,) whose gradients count."""
        if self._config.kind == "fisher":
            return self._log_likelihoods(batch)
        assert batch.answers is not None
        norms = self._model.squares(self._logits(batch))
        return (norms * self._model.real(batch.answers)).sum(1)

    def _log_likelihoods(self, batch: Batch) -> Tensor:
        return self._model.log_likelihoods(batch, self._logits(batch))

    def _logits(self, batch: Batch) -> Tensor:
        device, bf16 = batch.questions.device.type, self._config.precision == "bf16"
        with torch.autocast(device, dtype=torch.bfloat16, enabled=bf16):
            return self._model.logits(batch)


@torch.no_grad()
def accumulate(
    sums: Sequence[Tensor], gradients: Sequence[Tensor], norm: Norm, samples: int
) -> None:
    """Add to `sums` the importance that a batch's summed `gradients` approximate.

    The mean gradient, squared or absolute, times the number of samples.
    """
    for total, gradient in zip(sums, gradients, strict=True):
        if norm == "squared":
            # One pass over both, without a copy.
            total.addcmul_(gradient, gradient, value=1 / samples)
        else:
            total.add_(gradient.abs())


def parts_of(model: Backbone, names: Sequence[str]) -> Mapping[str, str]:
    """Parameter -> its part, for the trained ones."""
    return {name: model.part_of(name) for name in sorted(names)}
