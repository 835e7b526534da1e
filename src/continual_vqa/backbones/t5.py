"""T5's encoder-decoder, with Hugging Face's parameter names.

Shapes: B samples, T target tokens, S source tokens, D model width, V vocabulary, N beams.
Source: Raffel et al., JMLR 2020.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from continual_vqa.backbones.t5_attention import (
    Attention,
    causal_bias,
    padding_bias,
    position_bias,
)


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
        for name in ("wi_0", "wi_1") if self.gated else ("wi",):
            self.add_module(name, nn.Linear(shape.d_model, shape.d_ff, bias=False))
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


class Block(nn.Module):
    """Self-attention, in a decoder cross-attention, and feed-forward."""

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

    @property
    def own(self) -> Attention:
        """The self-attention."""
        return self.layer[0].SelfAttention  # pyright: ignore[reportReturnType]

    @property
    def cross(self) -> Attention:
        """The cross-attention of a decoder block."""
        return self.layer[1].EncDecAttention  # pyright: ignore[reportReturnType]

    def drop(self, x: Tensor) -> Tensor:
        """Dropout of a residual branch."""
        return F.dropout(x, self.dropout, self.training)

    def feed_forward(self, x: Tensor) -> Tensor:
        """`x` plus the feed-forward branch."""
        last = self.layer[-1]
        return x + self.drop(last.DenseReluDense(last.layer_norm(x)))  # pyright: ignore


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

    def drop(self, x: Tensor) -> Tensor:
        """Dropout at the entrance and the exit of the stack."""
        return F.dropout(x, self.dropout, self.training)

    def position_bias(self, queries: Tensor, keys: Tensor) -> Tensor:
        """The relative position bias (1, H, T, S) shared by all blocks."""
        table = self.block[0].own.relative_attention_bias  # pyright: ignore
        return position_bias(
            table, queries, keys, two_way=self.two_way, farthest=self.farthest  # pyright: ignore
        )


@dataclass(slots=True)
class Decoding:
    """State of incremental decoding: fixed cross keys and values, growing self ones."""

    cross: list[tuple[Tensor, Tensor]]
    cross_bias: Tensor
    own: list[tuple[Tensor, Tensor]]
    length: int = 0


class T5(nn.Module):
    """Encoder, decoder and head; the token embedding `shared` is one tensor for all that tie it."""

    def __init__(self, shape: T5Shape) -> None:
        super().__init__()
        self.shape = shape
        self.shared = nn.Embedding(shape.vocabulary, shape.d_model)
        self.encoder = Stack(shape, decoder=False)
        self.decoder = Stack(shape, decoder=True)
        if not shape.tied_head:
            self.lm_head = nn.Linear(shape.d_model, shape.vocabulary, bias=False)

    def encode(self, x_BSD: Tensor, mask_BS: Tensor, visual: int = 0) -> Tensor:
        """Encode embeddings; the first `visual` tokens stand outside the relative positions.

        As in VL-T5 the relative bias holds between text tokens only; what is visual carries its
        position in its embedding.
        """
        text = torch.arange(x_BSD.shape[1] - visual, device=x_BSD.device)
        bias = F.pad(self.encoder.position_bias(text, text), (visual, 0, visual, 0))
        bias = bias + padding_bias(mask_BS)
        x = self.encoder.drop(x_BSD)
        for block in self.encoder.block:
            normed = block.layer[0].layer_norm(x)  # pyright: ignore
            x = x + block.drop(block.own(normed, *block.own.keys_values(normed), bias))  # pyright: ignore
            x = block.feed_forward(x)  # pyright: ignore
        return self.encoder.drop(self.encoder.final_layer_norm(x))

    def decode(self, tokens_BT: Tensor, memory_BSD: Tensor, mask_BS: Tensor) -> Tensor:
        """Logits (B, T, V) of the token after each of `tokens_BT` (which begin with the start)."""
        steps = torch.arange(tokens_BT.shape[1], device=tokens_BT.device)
        own_bias = self.decoder.position_bias(steps, steps)
        own_bias = own_bias + causal_bias(len(steps), tokens_BT.device)
        cross_bias = padding_bias(mask_BS)
        x = self.decoder.drop(self.shared(tokens_BT))
        for block in self.decoder.block:
            normed = block.layer[0].layer_norm(x)  # pyright: ignore
            x = x + block.drop(block.own(normed, *block.own.keys_values(normed), own_bias))  # pyright: ignore
            normed = block.layer[1].layer_norm(x)  # pyright: ignore
            pair = block.cross.keys_values(memory_BSD)  # pyright: ignore
            x = x + block.drop(block.cross(normed, *pair, cross_bias))  # pyright: ignore
            x = block.feed_forward(x)  # pyright: ignore
        return self._head(self.decoder.drop(self.decoder.final_layer_norm(x)))

    def begin(self, memory_BSD: Tensor, mask_BS: Tensor) -> Decoding:
        """Prepare incremental decoding of B samples."""
        cross = [block.cross.keys_values(memory_BSD) for block in self.decoder.block]  # pyright: ignore
        return Decoding(cross, padding_bias(mask_BS), own=[])

    def step(self, state: Decoding, tokens_BN: Tensor) -> Tensor:
        """Logits (B, N, V) after one more token on each of N beams; extends `state`."""
        samples, beams = tokens_BN.shape
        position = torch.arange(state.length + 1, device=tokens_BN.device)
        own_bias = self.decoder.position_bias(position[-1:], position)
        x = self.shared(tokens_BN)
        own = []
        for index, block in enumerate(self.decoder.block):
            normed = block.layer[0].layer_norm(x).view(samples * beams, 1, -1)  # pyright: ignore
            keys, values = block.own.keys_values(normed)  # pyright: ignore
            if state.own:
                keys = torch.cat([state.own[index][0], keys], 2)
                values = torch.cat([state.own[index][1], values], 2)
            own.append((keys, values))
            x = x + block.own(normed, keys, values, own_bias).view(samples, beams, -1)  # pyright: ignore
            # The beams of a sample are queries of one attention: its memory is never copied.
            normed = block.layer[1].layer_norm(x)  # pyright: ignore
            x = x + block.cross(normed, *state.cross[index], state.cross_bias)  # pyright: ignore
            x = block.feed_forward(x)  # pyright: ignore
        state.own = own
        state.length += 1
        return self._head(self.decoder.final_layer_norm(x))

    def reorder(self, state: Decoding, rows: Tensor) -> None:
        """Make the rows of the growing caches (B * N of them) those numbered `rows`."""
        state.own = [(keys[rows], values[rows]) for keys, values in state.own]

    def _head(self, x: Tensor) -> Tensor:
        if self.shape.scaled_head:
            x = x * self.shape.d_model**-0.5
        return F.linear(x, self.shared.weight) if self.shape.tied_head else self.lm_head(x)


def initialise(model: T5, generator: torch.Generator) -> None:
    """T5's initial weights: normal, scaled by the fan of each kind of layer; norms are ones."""
    shape = model.shape
    inner = shape.heads * shape.d_kv
    scales = {
        "q": (shape.d_model * shape.d_kv) ** -0.5,
        "o": inner**-0.5,
        "wo": shape.d_ff**-0.5,
        "shared": 1.0,
        "lm_head": 1.0,
    }
    with torch.no_grad():
        for name, tensor in sorted(model.named_parameters()):
            layer = name.split(".")[-2]
            if layer.endswith("layer_norm"):
                tensor.fill_(1.0)
            else:
                tensor.normal_(0.0, scales.get(layer, shape.d_model**-0.5), generator=generator)
