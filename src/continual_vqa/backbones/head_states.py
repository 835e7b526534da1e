"""What the head of a model reads in a forward pass, of any family and without a line in its code.

Where the family names the weights of its head these are the inputs of the head's linear layers,
else the input of the last linear layer, which writes the logits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from continual_vqa.backbones.base import Backbone


@contextmanager
def reading(model: Backbone) -> Iterator[list[Tensor]]:
    """Within, the list holds the states (..., D) that the head read in the last forward pass."""
    named = dict(model.named_parameters())
    with _Reader({id(named[name]) for name in model.heads()}) as reader:
        yield reader.states


class _Reader(TorchFunctionMode):
    def __init__(self, head: set[int]) -> None:
        super().__init__()
        self._head, self.states = head, list[Tensor]()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is F.linear:
            states, weight = args[:2]
            if not self._head:
                self.states[:] = [states]
            elif id(weight) in self._head:
                self.states.append(states)
        return func(*args, **(kwargs or {}))


def distance(own: Tensor, wanted: Tensor) -> Tensor:
    """Squared distance (...) of states (..., D) of length 1: 2 - 2 cos, in [0, 4]."""
    return 2 - 2 * torch.cosine_similarity(own.float(), wanted.float(), dim=-1)
