"""A linear layer with low-rank factors: W x + alpha / rank · B A x.

Names and numbers are those of the library peft; it is not used because importing it, with the
transformers that it needs, takes four seconds of every process. Source: Hu et al., ICLR 2022.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# The name that peft gives to a model's first adapter.
NAME = "default"


class Factor(nn.Module):
    """One matrix, A (rank, in) or B (out, rank), not yet filled; always fp32, as peft's are."""

    def __init__(self, rows: int, columns: int, device: torch.device) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(rows, columns, dtype=torch.float32, device=device))


class LowRankLinear(nn.Module):
    """A linear layer and its factors; its parameters have peft's names."""

    def __init__(self, base_layer: nn.Linear, rank: int, alpha: float, dropout: float) -> None:
        super().__init__()
        self.base_layer = base_layer
        device = base_layer.weight.device
        self.lora_A = nn.ModuleDict({NAME: Factor(rank, base_layer.in_features, device)})
        self.lora_B = nn.ModuleDict({NAME: Factor(base_layer.out_features, rank, device)})
        self.scaling, self.dropout = alpha / rank, dropout
        self.resting = False

    @property
    def factors(self) -> tuple[Tensor, Tensor]:
        """A (rank, in) and B (out, rank)."""
        return self.lora_A[NAME].weight, self.lora_B[NAME].weight  # pyright: ignore[reportReturnType]

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out), in the dtype that the layer itself gives."""
        whole = self.base_layer(x)
        a, b = self.factors
        if self.resting and not b.requires_grad:
            return whole
        # Autocast would only undo it: fp32 copies of bf16 states, made and kept for nothing.
        if not torch.is_autocast_enabled(x.device.type):
            x = x.to(a.dtype)
        if self.dropout:
            x = F.dropout(x, self.dropout, self.training)
        # The scale is applied where the tensor is small: between the factors.
        return (whole + F.linear(F.linear(x, a) * self.scaling, b)).to(whole.dtype)


def layers(net: nn.Module) -> Iterator[tuple[str, LowRankLinear]]:
    """Names and layers of `net` that have factors."""
    for name, module in net.named_modules():
        if isinstance(module, LowRankLinear):
            yield name, module


def is_factor(name: str) -> bool:
    """Whether the parameter `name` is one of the factors."""
    return ".lora_A." in name or ".lora_B." in name


def rest(net: nn.Module) -> None:
    """Freeze the factors of `net` whose B is zero and pass them over until B is trained.

    Nothing changes but the time that a model takes which carries factors without using them.
    """
    for _, layer in layers(net):
        a, b = layer.factors
        layer.resting = not b.any()
        for factor in (a, b) if layer.resting else ():
            factor.requires_grad_(False)


def inert(net: nn.Module) -> bool:
    """Whether the factors of `net` change nothing: every B is zero."""
    return not any(layer.factors[1].any() for _, layer in layers(net))
