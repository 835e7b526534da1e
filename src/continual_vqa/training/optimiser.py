"""AdamW over a flat vector, with linear warm-up and decay.

torch.optim's classes import torch's compiler when first built: 1.7 seconds a process. The update is
that of `torch.optim.AdamW` (Loshchilov & Hutter, ICLR 2019); a test compares both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from continual_vqa.methods.parameters import FlatParameters


@dataclass(frozen=True, slots=True)
class AdamW:
    """The constants of the update; `clip` 0 means no clipping."""

    lr: float
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-6
    weight_decay: float = 0.01
    clip: float = 0.0


class Optimiser:
    """AdamW with its two moments; `step` counts the updates made.

    `rates` gives tensors a learning rate of their own, as a factor; the others have 1.
    """

    def __init__(
        self,
        parameters: FlatParameters,
        constants: AdamW,
        rates: Mapping[str, float] | None = None,
    ) -> None:
        self.parameters = parameters
        self.constants = constants
        self._stretches = _stretches(parameters, rates or {})
        self.first = torch.zeros_like(parameters.values)
        self.second = torch.zeros_like(parameters.values)
        self.step = 0

    @torch.no_grad()
    def update(self, lr: float) -> None:
        """One step at learning rate `lr` with the gradient in `parameters`; then zero it."""
        constants, values = self.constants, self.parameters.values
        gradient = self.parameters.gradient
        self.step += 1
        if constants.weight_decay:
            for place, factor, decays in self._stretches:
                if decays:
                    values[place].mul_(1 - lr * factor * constants.weight_decay)
        self.first.lerp_(gradient, 1 - constants.beta1)
        self.second.mul_(constants.beta2).addcmul_(gradient, gradient, value=1 - constants.beta2)
        scale = (1 - constants.beta2**self.step) ** 0.5
        denominator = self.second.sqrt().div_(scale).add_(constants.eps)
        size = -lr / (1 - constants.beta1**self.step)
        for place, factor, _ in self._stretches:
            values[place].addcdiv_(self.first[place], denominator[place], value=size * factor)
        gradient.zero_()

    @torch.no_grad()
    def clip(self) -> None:
        """Scale the gradient down to norm `clip`, if it is longer.

        Raises
        ------
        FloatingPointError : the gradient holds NaN or infinity
        """
        gradient = self.parameters.gradient
        norm = gradient.norm()
        if not torch.isfinite(norm):
            raise FloatingPointError("the gradient is not finite")
        if self.constants.clip:
            gradient.mul_((self.constants.clip / (norm + 1e-6)).clamp(max=1.0))

    def state(self) -> dict[str, Tensor]:
        """The vectors that determine all further updates."""
        return {"values": self.parameters.values, "first": self.first, "second": self.second}

    @torch.no_grad()
    def restore(self, state: dict[str, Tensor], step: int) -> None:
        """Continue from `state` after `step` updates."""
        for name, tensor in self.state().items():
            tensor.copy_(state[name])
        self.step = step


def _stretches(
    parameters: FlatParameters, rates: Mapping[str, float]
) -> list[tuple[slice, float, bool]]:
    """Places of the vector with one learning rate each, and whether weight decay acts there."""
    out: list[tuple[slice, float, bool]] = []
    for name, place in parameters.slices().items():
        factor, decays = rates.get(name, 1.0), place.stop <= parameters.decayed
        if out and out[-1][1:] == (factor, decays):
            place = slice(out.pop()[0].start, place.stop)
        out.append((place, factor, decays))
    return out


def rate(
    step: int, total: int, peak: float, warmup: float, falls: Literal["linear", "cosine"] = "linear"
) -> float:
    """The learning rate of step `step` (from 0) of `total`: linear up to `peak`, then to 0."""
    rising = int(total * warmup)
    if step < rising:
        return peak * (step + 1) / (rising + 1)
    left = (total - step) / max(1, total - rising)
    return peak * (left if falls == "linear" else (1 - math.cos(math.pi * left)) / 2)
