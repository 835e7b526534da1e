"""The layers of T5's stacks: norm, feed-forward, residual blocks.

Shapes: B samples, N beams, H heads, S keys, K width of a head, D model width.
Names of modules are Hugging Face's, so that its weights load unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from continual_vqa.backbones.t5_attention import Attention, position_bias


@dataclass(frozen=True, slots=True)
class T5Shape:
    """The sizes of a T5 model."""

    vocabulary: int
    d_model: int
    d_kv: int
    heads: int
    d_ff: int
    encoder_layers: int
    decoder_layers: int
    feed_forward: str = "relu"
    tied_head: bool = True
    scaled_head: bool = True
    buckets: int = 32
    farthest: int = 128
    epsilon: float = 1e-6
    dropout: float = 0.0


class RmsNorm(nn.Module):
    """Scale to unit root mean square, then by a learned weight; no mean, no bias."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        x = x.float()
        return self.weight * (x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.epsilon))


class FeedForward(nn.Module):
    """relu: wo(relu(wi x)). gated-gelu: wo(gelu(wi_0 x) * wi_1 x), gelu in its tanh form."""

    def __init__(self, shape: T5Shape) -> None:
        super().__init__()
        self.gated = shape.feed_forward == "gated-gelu"
        self.dropout = shape.dropout
        if self.gated:
            self.wi_0 = nn.Linear(shape.d_model, shape.d_ff, bias=False)
            self.wi_1 = nn.Linear(shape.d_model, shape.d_ff, bias=False)
        else:
            self.wi = nn.Linear(shape.d_model, shape.d_ff, bias=False)
        self.wo = nn.Linear(shape.d_ff, shape.d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.gated:
            hidden = F.gelu(self.wi_0(x), approximate="tanh") * self.wi_1(x)
        else:
            hidden = F.relu(self.wi(x))
        return self.wo(F.dropout(hidden, self.dropout, self.training))


class Sublayer(nn.Module):
    """A norm and the attention or feed-forward layer behind it, under Hugging Face's names."""

    def __init__(self, name: str, inner: nn.Module, shape: T5Shape) -> None:
        super().__init__()
        self.add_module(name, inner)
        self.layer_norm = RmsNorm(shape.d_model, shape.epsilon)
        self._name = name

    @property
    def inner(self) -> nn.Module:
        """The layer behind the norm."""
        return self.get_submodule(self._name)


Pair = tuple[Tensor, Tensor]  # keys and values, each (B, H, S, K)


class Block(nn.Module):
    """Self-attention, in a decoder cross-attention, and feed-forward, each a residual branch."""

    def __init__(self, shape: T5Shape, *, first: bool, decoder: bool) -> None:
        super().__init__()
        sizes = (shape.d_model, shape.d_kv, shape.heads, shape.dropout)
        own = Attention(*sizes, buckets=shape.buckets if first else None)
        layers = [Sublayer("SelfAttention", own, shape)]
        if decoder:
            layers.append(Sublayer("EncDecAttention", Attention(*sizes), shape))
        layers.append(Sublayer("DenseReluDense", FeedForward(shape), shape))
        self.layer = nn.ModuleList(layers)
        self.dropout = shape.dropout

    def attention(self, index: int) -> Attention:
        """Layer 0: self-attention; layer 1 of a decoder block: cross-attention."""
        return cast(Attention, cast(Sublayer, self.layer[index]).inner)

    def own(self, x: Tensor, bias: Tensor) -> Tensor:
        """Self-attention over all of `x`."""
        normed, attention = self._norm(0, x), self.attention(0)
        return x + self._drop(attention(normed, *attention.keys_values(normed), bias))

    def own_step(self, x_BND: Tensor, past: Pair | None, bias: Tensor) -> tuple[Tensor, Pair]:
        """Self-attention of one more token per beam to itself and its past (B * N rows)."""
        attention = self.attention(0)
        normed = self._norm(0, x_BND).flatten(0, 1)[:, None]
        pair = attention.keys_values(normed)
        if past is not None:
            pair = (torch.cat([past[0], pair[0]], 2), torch.cat([past[1], pair[1]], 2))
        return x_BND + attention(normed, *pair, bias).view(x_BND.shape), pair

    def cross(self, x: Tensor, memory: Pair, bias: Tensor) -> Tensor:
        """Cross-attention to the keys and values of the encoder's states."""
        return x + self._drop(self.attention(1)(self._norm(1, x), *memory, bias))

    def feed_forward(self, x: Tensor) -> Tensor:
        """The feed-forward branch."""
        last = cast(Sublayer, self.layer[-1])
        return x + self._drop(last.inner(last.layer_norm(x)))

    def _norm(self, index: int, x: Tensor) -> Tensor:
        return cast(Sublayer, self.layer[index]).layer_norm(x)

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training)


class Stack(nn.Module):
    """The blocks of the encoder or the decoder, and the final norm."""

    def __init__(self, shape: T5Shape, *, decoder: bool) -> None:
        super().__init__()
        count = shape.decoder_layers if decoder else shape.encoder_layers
        self.block = nn.ModuleList(
            Block(shape, first=index == 0, decoder=decoder) for index in range(count)
        )
        self.final_layer_norm = RmsNorm(shape.d_model, shape.epsilon)
        self.dropout, self.farthest, self.two_way = shape.dropout, shape.farthest, not decoder

    @property
    def blocks(self) -> list[Block]:
        """The blocks in order."""
        return [cast(Block, block) for block in self.block]

    def drop(self, x: Tensor) -> Tensor:
        """Dropout at the entrance and the exit of the stack."""
        return F.dropout(x, self.dropout, self.training)

    def position_bias(self, queries: Tensor, keys: Tensor) -> Tensor:
        """The relative position bias (1, H, T, S) shared by all blocks."""
        table = self.blocks[0].attention(0).relative_attention_bias
        return position_bias(table, queries, keys, two_way=self.two_way, farthest=self.farthest)
