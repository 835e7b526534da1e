"""The trained tensors as one flat vector, so that every update is a handful of large operations.

What a recipe's slot `tune` trains:

| tune | trained |
|---|---|
| full | every tensor of the model itself, none of its low-rank factors |
| lora | the low-rank factors and what the family trains with them |
| head | the head over the answers, for families that choose from a list |
| an adapter block | the adapters, or what of a bank the phase of the stage trains; the head |
| default | the family's own choice of the two |

Fresh factors change nothing and `full` leaves them alone: a model that carries some trains under
`full` exactly as it would without, its weights being called `base_layer.weight` where it has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from continual_vqa.backbones.adapters import PREFIX
from continual_vqa.backbones.base import Backbone
from continual_vqa.backbones.lora_layer import is_factor
from continual_vqa.config.tuning import Tuning
from continual_vqa.errors import UserError


class FlatParameters:
    """Views of a model's trained tensors into one vector of values and one of gradients.

    Matrices come first, then vectors (biases, norms), each sorted by name: weight decay applies to
    the first `decayed` entries.

    Attributes
    ----------
    names : of the tensors, in the order of the vector
    values, gradient : (n,) the weights and their gradient
    decayed : number of leading entries that belong to matrices
    """

    def __init__(self, parameters: dict[str, nn.Parameter]) -> None:
        matrices = sorted(name for name, p in parameters.items() if p.dim() > 1)
        vectors = sorted(parameters.keys() - set(matrices))
        self.names = [*matrices, *vectors]
        self._parameters = [parameters[name] for name in self.names]
        self.decayed = sum(parameters[name].numel() for name in matrices)
        with torch.no_grad():
            self.values = torch.cat([p.detach().flatten() for p in self._parameters])
        self.gradient = torch.zeros_like(self.values)
        for parameter, value, gradient in zip(
            self._parameters, self._split(self.values), self._split(self.gradient), strict=True
        ):
            parameter.data = value
            parameter.grad = gradient

    def _split(self, flat: Tensor) -> list[Tensor]:
        pieces = flat.split([p.numel() for p in self._parameters])
        return [piece.view(p.shape) for piece, p in zip(pieces, self._parameters, strict=True)]

    def slices(self) -> dict[str, slice]:
        """Where each tensor lies in the vector."""
        out, start = {}, 0
        for name, parameter in zip(self.names, self._parameters, strict=True):
            out[name] = slice(start, start + parameter.numel())
            start += parameter.numel()
        return out

    def tensors(self) -> dict[str, Tensor]:
        """Name -> the tensor itself (a view of the vector)."""
        return {
            name: parameter.detach()
            for name, parameter in zip(self.names, self._parameters, strict=True)
        }


def joined(places: Iterable[slice]) -> list[slice]:
    """Ascending slices with neighbours joined: fewer and larger operations."""
    out: list[slice] = []
    for place in places:
        if out and out[-1].stop == place.start:
            out[-1] = slice(out[-1].start, place.stop)
        else:
            out.append(place)
    return out


def _own(model: Backbone) -> list[str]:
    names = (name for name, _ in model.named_parameters())
    return [name for name in names if not is_factor(name) and not name.startswith(PREFIX)]


def _low_rank(model: Backbone) -> list[str]:
    names = model.low_rank()
    if not names:
        raise UserError(
            f"a {model.family} model has no low-rank factors",
            where="tune",
            expected="default or full",
        )
    return names


def _head(model: Backbone) -> list[str]:
    names = model.heads()
    if not names:
        raise UserError(
            f"a {model.family} model writes its answers: it has no head over a list of them",
            where="tune",
            expected="another value, or a family with a head (vilt)",
        )
    return names


def _of_bank(model: Backbone) -> list[str]:
    assert model.bank is not None, "loading the model makes its bank"
    return [*model.bank.trained, *model.heads()]


# The recipe's slot `tune`, or the kind of its block -> the parameters that are trained.
TUNED: dict[str, Callable[[Backbone], list[str]]] = {
    "full": _own,
    "lora": _low_rank,
    "head": _head,
    "adapter": _of_bank,
    "adapter_bank": _of_bank,
}


def trained_names(model: Backbone, tune: Tuning) -> list[str]:
    """Names of the parameters that `tune` trains; "default" is the family's own choice.

    Raises
    ------
    UserError : low-rank factors or a head are asked for and the model has none
    """
    kind = tune if isinstance(tune, str) else tune.kind
    return sorted(TUNED[model.default_tune if kind == "default" else kind](model))


def trained_parameters(model: Backbone, tune: Tuning) -> FlatParameters:
    """The tensors that `tune` trains, as one vector; all others stop requiring gradients."""
    chosen = set(trained_names(model, tune))
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in chosen)
    return FlatParameters({n: p for n, p in model.named_parameters() if n in chosen})
