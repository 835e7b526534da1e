"""The directional regulariser of AIM: no step up the slope of the earlier tasks' loss.

AIM (arXiv 2604.14779) is said to have one; the formula is a choice of this project.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from continual_vqa.backbones.base import Backbone
from continual_vqa.config.guards import MaskGuard
from continual_vqa.errors import UserError
from continual_vqa.methods.guard import Guard
from continual_vqa.methods.importances import mean_gradient, measured
from continual_vqa.methods.mask_files import protected_entries
from continual_vqa.methods.parameters import FlatParameters, joined


class Direction(Guard):
    """Takes away a share d of the step's component that raises the earlier tasks' loss.

    g is the sum over the earlier tasks of the mean gradient of their loss, measured after each of
    them. Within each part, where the step Δ has Δ·g > 0, Δ becomes Δ − d (Δ·g)/(g·g) g. Frozen
    entries do not move, so they count neither in g nor in the step. It acts on the step that
    partial strengths leave.
    """

    turn = 2

    def __init__(
        self, config: MaskGuard, mask: Path, importances: Sequence[Path], base_sha256: str
    ) -> None:
        self._config, self._mask, self._base = config, mask, base_sha256
        self._files = importances
        self._parts: list[list[slice]] = []

    @torch.no_grad()
    def before_stage(self, model: Backbone, parameters: FlatParameters) -> None:
        """Read the gradients of the earlier tasks.

        Raises
        ------
        UserError : importances without directions, or files that are not of this model
        """
        if not self._config.importance.direction:
            raise UserError(
                f"directional is {self._config.directional}, and the importances hold no gradient "
                "of the loss",
                where="guards, mask",
                expected="importance.direction: true, or directional: 0",
            )
        tasks = measured(self._files, self._config.importance, self._base)
        slope = torch.zeros_like(parameters.values)
        for task in tasks:
            slope += mean_gradient(task, parameters)
        flat = protected_entries(self._mask, self._config, parameters, self._base)
        places: dict[str, list[slice]] = {}
        for name, place in parameters.slices().items():
            part = model.part_of(name)
            places.setdefault(part, []).append(place)
            if getattr(self._config.strength, part) == 1:
                slope[place].masked_fill_(flat[place].to(slope.device), 0)
        self._parts = [joined(slices) for slices in places.values()]
        self._slope, self._before = slope, torch.empty_like(slope)

    @torch.no_grad()
    def before_step(self, parameters: FlatParameters) -> None:
        """Keep the values."""
        self._before.copy_(parameters.values)

    @torch.no_grad()
    def after_step(self, parameters: FlatParameters) -> None:
        """Take the rising component of each part's step away."""
        step = torch.sub(parameters.values, self._before, out=self._before)
        for places in self._parts:
            rise = _dot(step, self._slope, places)
            if rise > 0:
                share = self._config.directional * rise / _dot(self._slope, self._slope, places)
                for place in places:
                    parameters.values[place].sub_(self._slope[place], alpha=share)


def _dot(one: Tensor, two: Tensor, places: Sequence[slice]) -> float:
    return float(sum(torch.dot(one[place], two[place]) for place in places))
