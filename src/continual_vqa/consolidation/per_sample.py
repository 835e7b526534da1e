"""Sums over samples of |gradient| or gradient², a gradient for each sample, in one backward pass.

The gradients of a chunk of samples are formed parameter by parameter, and of a large matrix some
rows at a time, as soon as the backward pass has what they are made of; they are folded into the
sums at once. Nothing larger than the sums and a block of `BLOCK` entries is ever held.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

from continual_vqa.backbones.base import Batch
from continual_vqa.consolidation.uses import Layout, Lookups, Products, Use, Uses, Whole, layout

Norm = Literal["squared", "absolute"]
U = TypeVar("U", Products, Lookups)
Objective = Callable[[Batch], Tensor]  # batch -> one value for each sample (B,)

# Entries of the gradients that are formed at a time: 2 MB, which caches hold.
BLOCK = 1 << 19


class PerSample:
    """Adds to `sums` the squared or absolute gradients of an objective, sample by sample.

    Parameters
    ----------
    parameters : the trained ones; their `requires_grad` is set
    objective : what is differentiated
    norm : squared or absolute

    How the model uses its parameters is found out with the first sample that passes through it
    once. Those that do not (`Batch.plain`) are measured one by one.
    """

    def __init__(
        self,
        parameters: Mapping[str, nn.Parameter],
        objective: Objective,
        norm: Norm,
    ) -> None:
        self._parameters = parameters
        self._objective: Objective = objective
        self._norm: Norm = norm
        self._layout: Layout | None = None

    @property
    def one_by_one(self) -> frozenset[str]:
        """Parameters whose gradients need a backward pass for each sample; known after `add`."""
        return self._layout.leaking if self._layout else frozenset()

    def add(self, batch: Batch, sums: Mapping[str, Tensor]) -> None:
        """Add the samples of `batch` to `sums`, in place."""
        plain = batch.plain
        if plain is None or bool(plain.all()):
            self._add(batch, sums)
            return
        if bool(plain.any()):
            self._add(batch.take(plain), sums)
        several = batch.take(~plain)
        add_one_by_one(self._parameters, self._objective, self._norm, several, sums)

    def _add(self, batch: Batch, sums: Mapping[str, Tensor]) -> None:
        """Add samples that pass through the model once each."""

        def fold(name: str, uses: list[Use]) -> None:
            _fold(sums[name], uses, self._norm)

        known = self._layout = self._layout or self._found_with(batch)
        kept = {n: p for n, p in self._parameters.items() if n not in known.leaking}
        leaking = {n: p for n, p in self._parameters.items() if n in known.leaking}
        if kept:
            for parameter in kept.values():
                parameter.grad = None
            with Uses(kept, len(batch.questions), known, fold) as uses:
                value = self._objective(batch).sum()
            if value.requires_grad:
                value.backward()
            uses.finish()
            late = [name for name, p in kept.items() if p.grad is not None]
            assert not late, f"{late}: used in another way than the layout found"
        if leaking:
            add_one_by_one(leaking, self._objective, self._norm, batch, sums)

    def _found_with(self, example: Batch) -> Layout:
        device = example.questions.device

        def forward(samples: int) -> Tensor:
            first = torch.zeros(samples, dtype=torch.long, device=device)
            return self._objective(example.take(first))

        return layout(self._parameters, forward)


def add_one_by_one(
    parameters: Mapping[str, nn.Parameter],
    objective: Objective,
    norm: Norm,
    batch: Batch,
    sums: Mapping[str, Tensor],
) -> None:
    """The same by one forward and backward pass for each sample: for any model, slowly."""
    for number in torch.arange(len(batch.questions), device=batch.questions.device):
        value = objective(batch.take(number[None])).sum()
        if not value.requires_grad:
            continue
        gradients = torch.autograd.grad(value, list(parameters.values()), allow_unused=True)
        for name, gradient in zip(parameters, gradients, strict=True):
            if gradient is not None:
                sums[name].add_(_norm(gradient.to(sums[name].dtype), norm))


@torch.no_grad()
def _fold(total: Tensor, uses: list[Use], norm: Norm) -> None:
    """Add to `total` the norms of the per-sample gradients that `uses` make up together."""
    products = _joined(uses, Products)
    lookups = _joined(uses, Lookups)
    if any(isinstance(use, Whole) for use in uses):
        gradients = sum(_whole(use, total) for use in uses)
        assert isinstance(gradients, Tensor)
        total.add_(_norm(gradients, norm).sum(0))
        return
    if products is not None:
        _add_products(total, products, norm)
    if lookups is not None:
        _add_lookups(total, lookups, products, norm)


def _joined(uses: list[Use], kind: type[U]) -> U | None:
    """All uses of one kind as one: their tokens behind one another."""
    chosen = [use for use in uses if isinstance(use, kind)]
    if len(chosen) < 2:
        return chosen[0] if chosen else None
    return kind(*(torch.cat(column, 1) for column in zip(*chosen, strict=True)))


def _add_products(total: Tensor, use: Products, norm: Norm) -> None:
    outputs, inputs = use.gradients.transpose(1, 2), use.inputs.to(use.gradients.dtype)
    total = total.view(len(total), -1)  # the weight of patches has more dimensions than two
    step = max(1, BLOCK // (len(inputs) * inputs.shape[2]))
    for begin in range(0, len(total), step):
        block = torch.bmm(outputs[:, begin : begin + step], inputs).to(total.dtype)
        block = block.abs_() if norm == "absolute" else block.square_()
        total[begin : begin + step] += block.sum(0)


def _add_lookups(total: Tensor, use: Lookups, products: Products | None, norm: Norm) -> None:
    """Lookups touch few rows: only those change, beyond what `products` have added already."""
    size, width = total.shape
    samples = torch.arange(len(use.rows), device=total.device)[:, None]
    touched, place = (samples * size + use.rows).unique(return_inverse=True)
    own = total.new_zeros(len(touched), width)
    own.index_add_(0, place.flatten(), use.gradients.to(total.dtype).flatten(0, 1))
    row = touched % size
    if products is None:
        total.index_add_(0, row, _norm(own, norm))
        return
    sample = touched.div(size, rounding_mode="floor")
    factors = products.gradients[sample, :, row].to(total.dtype)
    other = torch.einsum("nt,ntd->nd", factors, products.inputs[sample].to(total.dtype))
    total.index_add_(0, row, _norm(own + other, norm) - _norm(other, norm))
    # A difference of rounded numbers: where the two cancel the sum may end a hair below zero.
    total.clamp_(min=0)


def _norm(gradients: Tensor, norm: Norm) -> Tensor:
    return gradients.abs() if norm == "absolute" else gradients.square()


def _whole(use: Use, total: Tensor) -> Tensor:
    """The gradients (B, ...) of a use, all at once."""
    gradients = use.gradients.to(total.dtype)
    match use:
        case Whole():
            return gradients
        case Products():
            whole = torch.bmm(gradients.transpose(1, 2), use.inputs.to(total.dtype))
            return whole.view(-1, *total.shape)
        case Lookups():
            whole = total.new_zeros(len(gradients), *total.shape)
            samples = torch.arange(len(gradients), device=total.device)[:, None]
            samples = samples.expand_as(use.rows)
            return whole.index_put_((samples, use.rows), gradients, accumulate=True)
