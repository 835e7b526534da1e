"""Quadratic penalty on leaving the stage's starting weights (EWC, MAS).

Sources: Kirkpatrick et al., PNAS 2017 (EWC); Aljundi et al., ECCV 2018 (MAS). One anchor, the
weights that the stage starts from, for the importance of all earlier tasks: as in MAS and online
EWC (Schwarz et al., ICML 2018); for EWC a choice of this project, which needs no older weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from continual_vqa.backbones.base import Backbone
from continual_vqa.config.guards import PenaltyGuard
from continual_vqa.methods.guard import Guard
from continual_vqa.methods.importances import mean_importance, measured
from continual_vqa.methods.parameters import FlatParameters

# Entries at a time on the CPU: the difference stays in the cache.
_BLOCK = 1 << 18


class Penalty(Guard):
    """strength/2 · Σ Ω (θ − θ*)², with θ* the stage's starting weights.

    Its gradient strength · Ω · (θ − θ*) is added to the loss's own, once a step and before
    clipping: exact, and without a graph over all weights. The loss in the curve is the task's
    alone.
    """

    def __init__(self, config: PenaltyGuard, importances: Sequence[Path], base_sha256: str) -> None:
        self._config, self._files, self._base = config, importances, base_sha256

    @torch.no_grad()
    def before_stage(self, model: Backbone, parameters: FlatParameters) -> None:
        """Read and accumulate the importances; keep the starting weights.

        Raises
        ------
        UserError : files that are missing, damaged or not of this model
        """
        tasks = measured(self._files, self._config.importance, self._base)
        means = (mean_importance(task, parameters) for task in tasks)
        self._weight = accumulated(means, self._config).mul_(self._config.strength)
        self._start = parameters.values.clone()

    @torch.no_grad()
    def after_backward(self, parameters: FlatParameters) -> None:
        """Add the penalty's gradient."""
        values = parameters.values
        block = _BLOCK if values.device.type == "cpu" else max(1, len(values))
        vectors = (parameters.gradient, values, self._start, self._weight)
        for gradient, value, start, weight in zip(*(v.split(block) for v in vectors), strict=True):
            gradient.addcmul_(value - start, weight)


def accumulated(means: Iterable[Tensor], config: PenaltyGuard) -> Tensor:
    """Ω (n,): the mean importances (n,) of the earlier tasks, in their order, made one."""
    total, count = None, 0
    for mean in means:
        count += 1
        if total is None:
            total = mean
        elif config.accumulate == "max":
            torch.maximum(total, mean, out=total)
        else:
            if config.accumulate == "decay":
                total.mul_(config.decay)
            total.add_(mean)
    assert total is not None
    return total.div_(count) if config.accumulate == "mean" else total
