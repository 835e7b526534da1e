"""Alignment: entries whose sign turned against the starting weights are taken back (PAM).

Source: arXiv 2506.03189. Of the starting weights (the global ones, when a stage starts from the
merged weights) the largest are compared; a zero among them has no sign and meets no conflict.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from continual_vqa.backbones.base import Backbone
from continual_vqa.config.guards import AlignGuard
from continual_vqa.methods.guard import Alignment, Guard, Moments
from continual_vqa.methods.parameters import FlatParameters


class Align(Guard):
    """Every `every` steps and at the end: conflicts are reset and their moments cleared."""

    def __init__(self, config: AlignGuard) -> None:
        self._config = config
        self._start = torch.empty(0)
        self._compared = torch.empty(0, dtype=torch.bool)
        self._parts: dict[str, list[slice]] = {}

    @torch.no_grad()
    def before_stage(self, model: Backbone, parameters: FlatParameters) -> None:
        """Keep the starting weights and which of them are compared."""
        self._start = parameters.values.clone()
        places = parameters.slices()
        self._compared = torch.zeros(len(self._start), dtype=torch.bool, device=self._start.device)
        whole = [slice(0, len(self._start))]
        for place in places.values() if self._config.scope == "tensor" else whole:
            self._compared[place] = largest(self._start[place], self._config.top)
        for name, place in places.items():
            self._parts.setdefault(model.part_of(name), []).append(place)

    @torch.no_grad()
    def after_update(
        self, parameters: FlatParameters, moments: Moments, step: int, *, last: bool
    ) -> Sequence[Alignment]:
        """Count the conflicts of every part and take them back."""
        # The last step always counts: it is those weights that are merged.
        if step % self._config.every and not last:
            return ()
        values, reset = parameters.values, self._config.reset
        misaligned = values.sign() * self._start.sign() < 0
        conflicts = misaligned & self._compared
        if reset != "none":
            values[conflicts] = self._start[conflicts] if reset == "start" else 0
            moments.forget(conflicts)
        return [
            Alignment(
                step,
                part,
                _count(self._compared, places),
                _count(conflicts, places),
                _count(misaligned, places),
                reset != "none",
            )
            for part, places in sorted(self._parts.items())
        ]


def largest(values: Tensor, share: float) -> Tensor:
    """(n,) bool: the round(share · n) entries of largest magnitude; of equals the earlier ones."""
    count = round(share * len(values))
    order = values.abs().argsort(descending=True, stable=True)
    chosen = torch.zeros(len(values), dtype=torch.bool, device=values.device)
    chosen[order[:count]] = True
    return chosen


def _count(entries: Tensor, places: Sequence[slice]) -> int:
    return sum(int(entries[place].sum()) for place in places)
