"""Adapters on the residual branches of a model, whatever its family.

A family describes its branches (`Backbone.branches`); what is put there acts on the branch's output
before it is added to the residual stream. The model's own weights and modules stay as they are.
Source: Houlsby et al., ICML 2019; arXiv 2410.10923 (ATLAS), section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from continual_vqa.files.hashing import short

PREFIX = "bank."
ATTENTION, MLP = "attention", "feed-forward"


@dataclass(frozen=True, slots=True)
class Branch:
    """One residual branch.

    Attributes
    ----------
    module : full name of the module whose output, or the first of whose outputs, is added
    width : D, the width of that output
    whole : whether all tokens of a sample pass at once and may see each other, as in an encoder;
        else what is done to a token may not depend on others, which may not be known yet
    stack : the stack of layers that it belongs to, e.g. encoder; "": the family does not say
    layer : its layer in the stack, from 1; 0: the family does not say
    kind : what the branch does, attention or feed-forward; "": the family does not say
    """

    module: str
    width: int
    whole: bool
    stack: str = ""
    layer: int = 0
    kind: str = ""

    @property
    def place(self) -> str:
        """The branch's name within the names of parameters."""
        return self.module.replace(".", "-")


class Adapter(nn.Module):
    """A(h) = h + W_up SiLU(W_down h), biases included; always fp32."""

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.down = nn.Linear(dim, width, dtype=torch.float32)
        self.up = nn.Linear(width, dim, dtype=torch.float32)

    def forward(self, h: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, S, D) to (B, S, D); the mask of real tokens (B, S) does not matter to it."""
        return h + self.change(h)

    def change(self, h: Tensor) -> Tensor:
        """A(h) - h, (..., D) to (..., D)."""
        return self.up(F.silu(self.down(h)))


class Bank(nn.ModuleDict):
    """What acts in each branch of a model, by the branch's place.

    Attributes
    ----------
    mask : (B, S) true for the tokens of the current batch that are no padding; None: all are real
    trained : names of the model's parameters that the current stage trains
    own : names of those that its checkpoint holds
    """

    def __init__(self, branches: Iterable[Branch], make: Callable[[Branch], nn.Module]) -> None:
        super().__init__({branch.place: make(branch) for branch in branches})
        self.mask: Tensor | None = None
        self.trained: tuple[str, ...] = ()
        self.own: tuple[str, ...] = ()

    def names(self) -> list[str]:
        """The names that the bank's parameters have in the model."""
        return [f"{PREFIX}{name}" for name, _ in self.named_parameters()]


def act(net: nn.Module, branches: Sequence[Branch], bank: Bank) -> None:
    """Let `bank` act in the branches of `net`, which are named from `net` on."""
    for branch in branches:
        net.get_submodule(branch.module).register_forward_hook(_hook(bank, branch))


def _hook(bank: Bank, branch: Branch) -> Callable[[nn.Module, Any, Any], Any]:
    def change(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        h: Tensor = output[0] if isinstance(output, tuple) else output
        # Autocast chooses the dtype of each product itself; else adapters work in their own, fp32.
        given = h if torch.is_autocast_enabled(h.device.type) else h.float()
        changed = bank[branch.place](given, bank.mask if branch.whole else None).to(h.dtype)
        return (changed, *output[1:]) if isinstance(output, tuple) else changed

    return change


@torch.no_grad()
def initialise(model: nn.Module, names: Iterable[str], seed: int) -> None:
    """Draw the bank's parameters `names`, each from the seed and its name alone.

    W_up and biases are 0, so that a fresh adapter changes nothing; W_down is normal with deviation
    1 / sqrt(D) (choices of this project); keys and queries are N(0, 1) (ATLAS).
    """
    own = dict(model.named_parameters())
    for name in names:
        tensor = own[name]
        if name.endswith((".bias", ".up.weight")):
            tensor.zero_()
            continue
        deviation = tensor.shape[1] ** -0.5 if tensor.dim() > 1 else 1.0
        generator = torch.Generator().manual_seed(int(short(f"{seed} {name}", 12), 16))
        tensor.copy_(torch.empty(tensor.shape).normal_(0.0, deviation, generator=generator))
