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
from continual_vqa.training.ranks import ALONE, Ranks


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

    `rates` gives tensors a learning rate of their own, as a factor; the others have 1. `shared` are
    the ranks that keep the moments between them, each updating the entries whose moments it has
    (stage 1 of ZeRO; Rajbhandari et al., SC 2020).
    """

    def __init__(
        self,
        parameters: FlatParameters,
        constants: AdamW,
        rates: Mapping[str, float] | None = None,
        shared: Ranks = ALONE,
    ) -> None:
        self.parameters = parameters
        self.constants = constants
        self._shared = shared
        self._own = shared.place(len(parameters.values))
        self._stretches = _within(_stretches(parameters, rates or {}), self._own)
        self.first = torch.zeros_like(parameters.values[self._own])
        self.second = torch.zeros_like(self.first)
        self.step = 0

    @torch.no_grad()
    def update(self, lr: float) -> None:
        """One step at learning rate `lr` with the gradient in `parameters`; then zero it."""
        constants, values = self.constants, self.parameters.values[self._own]
        gradient = self.parameters.gradient[self._own]
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
        self.parameters.gradient.zero_()
        self._shared.join(self.parameters.values)

    @torch.no_grad()
    def forget(self, entries: Tensor) -> None:
        """Zero the moments of `entries`, (n,) bool."""
        self.first[entries[self._own]] = 0
        self.second[entries[self._own]] = 0

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
        """The vectors (n,) that determine all further updates; of shared moments on the first rank.

        All ranks that share moments have to ask for it together.
        """
        moments = {"first": self.first, "second": self.second}
        count = len(self.parameters.values)
        whole = {name: self._shared.whole(share, count) for name, share in moments.items()}
        return {"values": self.parameters.values, **whole}

    @torch.no_grad()
    def restore(self, state: dict[str, Tensor], step: int) -> None:
        """Continue from `state` after `step` updates."""
        self.parameters.values.copy_(state["values"])
        self.first.copy_(state["first"][self._own])
        self.second.copy_(state["second"][self._own])
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


def _within(
    stretches: list[tuple[slice, float, bool]], own: slice
) -> list[tuple[slice, float, bool]]:
    """What of the stretches lies within `own`, counted from its start."""
    out = []
    for place, factor, decays in stretches:
        start, stop = max(place.start, own.start), min(place.stop, own.stop)
        if start < stop:
            out.append((slice(start - own.start, stop - own.start), factor, decays))
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
