"""Guards that hold back the entries which a mask protects (AIM, arXiv 2604.14779).

Scaling the step of a protected entry, not its gradient, is a choice of this project: Adam divides
by the gradient's own size, so a constant factor on the gradient cancels, while moments and
decoupled weight decay move an entry whose gradient is zero.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from continual_vqa.backbones.base import Backbone
from continual_vqa.config.guards import MaskGuard
from continual_vqa.methods.guard import Guard
from continual_vqa.methods.mask_files import protected_entries
from continual_vqa.methods.parameters import FlatParameters, joined

# The integer of the same width as a weight, in which its bits are kept or cleared.
_INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}


class Freeze(Guard):
    """Entries protected with strength 1 keep the bits of the stage's starting weights.

    Their gradients are zeroed before clipping, so that they take no share of the clipped norm.

    Both are done on the bits as integers, times 1 where an entry is free and 0 where it is frozen:
    exact for every pattern (-0.0 too), and one vectorised operation each. `torch.where` and
    `masked_fill_` are not vectorised on the CPU and take several times as long.
    """

    turn = 3

    def __init__(self, config: MaskGuard, path: Path, base_sha256: str) -> None:
        self._config, self._path, self._base = config, path, base_sha256
        # Of each run: its place, 1 for free and 0 for frozen entries, the bits of the frozen ones.
        self._runs: list[tuple[slice, Tensor, Tensor]] = []

    @torch.no_grad()
    def before_stage(self, model: Backbone, parameters: FlatParameters) -> None:
        """Read the mask; keep the bits of the protected entries.

        Raises
        ------
        UserError : the mask is not one for this model and recipe
        """
        flat = protected_entries(self._path, self._config, parameters, self._base)
        for run in _runs(model, parameters, self._config, flat, frozen=True):
            values = _bits(parameters.values[run])
            free = (~flat[run]).to(values)
            self._runs.append((run, free, values * (1 - free)))

    @torch.no_grad()
    def after_backward(self, parameters: FlatParameters) -> None:
        """Zero the gradients of frozen entries."""
        for run, free, _ in self._runs:
            _bits(parameters.gradient[run]).mul_(free)

    @torch.no_grad()
    def after_step(self, parameters: FlatParameters) -> None:
        """Put the frozen entries back."""
        for run, free, fixed in self._runs:
            values = _bits(parameters.values[run])
            torch.addcmul(fixed, values, free, out=values)


class Slow(Guard):
    """Entries protected with a strength s below 1 make 1 - s of the step of plain training.

    before + (1 - s)(after - before), where `after` is all that the optimiser does.
    """

    turn = 1

    def __init__(self, config: MaskGuard, path: Path, base_sha256: str) -> None:
        self._config, self._path, self._base = config, path, base_sha256
        # Of each run: its place, what is taken away of every entry's step, the values before it.
        self._runs: list[tuple[slice, Tensor, Tensor]] = []

    @torch.no_grad()
    def before_stage(self, model: Backbone, parameters: FlatParameters) -> None:
        """Read the mask.

        Raises
        ------
        UserError : the mask is not one for this model and recipe
        """
        flat = protected_entries(self._path, self._config, parameters, self._base)
        taken = torch.zeros_like(parameters.values)
        for name, place in parameters.slices().items():
            strength = getattr(self._config.strength, model.part_of(name))
            taken[place] = flat[place].to(taken) * strength
        for run in _runs(model, parameters, self._config, flat, frozen=False):
            part = taken[run].clone()
            self._runs.append((run, part, torch.empty_like(part)))

    @torch.no_grad()
    def before_step(self, parameters: FlatParameters) -> None:
        """Keep the values."""
        for run, _, before in self._runs:
            before.copy_(parameters.values[run])

    @torch.no_grad()
    def after_step(self, parameters: FlatParameters) -> None:
        """Take the share of the step away: after + s(before - after)."""
        for run, taken, before in self._runs:
            values = parameters.values[run]
            values.addcmul_(before.sub_(values), taken)


def _runs(
    model: Backbone, parameters: FlatParameters, config: MaskGuard, flat: Tensor, *, frozen: bool
) -> list[slice]:
    """Stretches of the vector whose tensors hold entries protected by strength 1, or by less."""

    def chosen(name: str, place: slice) -> bool:
        strength = getattr(config.strength, model.part_of(name))
        wanted = strength == 1 if frozen else 0 < strength < 1
        return wanted and bool(flat[place].any())

    return joined(place for name, place in parameters.slices().items() if chosen(name, place))


def _bits(tensor: Tensor) -> Tensor:
    return tensor.view(_INTEGERS[tensor.element_size()])
