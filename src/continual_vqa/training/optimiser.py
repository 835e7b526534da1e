"""AdamW over a flat vector, with linear warm-up and decay.

torch.optim's classes import torch's compiler when first built: 1.7 seconds a process. The update is
that of `torch.optim.AdamW` (Loshchilov & Hutter, ICLR 2019); a test compares both.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    """AdamW with its two moments; `step` counts the updates made."""

    def __init__(self, parameters: FlatParameters, constants: AdamW) -> None:
        self.parameters = parameters
        self.constants = constants
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
            values[: self.parameters.decayed].mul_(1 - lr * constants.weight_decay)
        self.first.lerp_(gradient, 1 - constants.beta1)
        self.second.mul_(constants.beta2).addcmul_(gradient, gradient, value=1 - constants.beta2)
        scale = (1 - constants.beta2**self.step) ** 0.5
        denominator = (self.second.sqrt() / scale).add_(constants.eps)
        values.addcdiv_(self.first, denominator, value=-lr / (1 - constants.beta1**self.step))
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


def rate(step: int, total: int, peak: float, warmup: float) -> float:
    """The learning rate of step `step` (from 0) of `total`: linear up to `peak`, linear to 0."""
    rising = int(total * warmup)
    if step < rising:
        return peak * (step + 1) / (rising + 1)
    return peak * (total - step) / max(1, total - rising)
