"""T5's encoder-decoder, with Hugging Face's parameter names.

Shapes: B samples, T target tokens, S source tokens, D model width, V vocabulary, N beams.
Source: Raffel et al., JMLR 2020.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from continual_vqa.backbones.t5_attention import causal_bias, padding_bias
from continual_vqa.backbones.t5_layers import Pair, Stack, T5Shape


@dataclass(slots=True)
class Decoding:
    """State of incremental decoding: fixed cross keys and values, growing self ones."""

    cross: list[Pair]
    cross_bias: Tensor
    own: list[Pair]
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
        for block in self.encoder.blocks:
            x = block.feed_forward(block.own(x, bias))
        return self.encoder.drop(self.encoder.final_layer_norm(x))

    def decode(self, tokens_BT: Tensor, memory_BSD: Tensor, mask_BS: Tensor) -> Tensor:
        """Logits (B, T, V) of the token after each of `tokens_BT` (which begin with the start)."""
        steps = torch.arange(tokens_BT.shape[1], device=tokens_BT.device)
        own_bias = self.decoder.position_bias(steps, steps)
        own_bias = own_bias + causal_bias(len(steps), tokens_BT.device)
        cross_bias = padding_bias(mask_BS)
        x = self.decoder.drop(self.shared(tokens_BT))
        for block in self.decoder.blocks:
            x = block.own(x, own_bias)
            x = block.cross(x, block.attention(1).keys_values(memory_BSD), cross_bias)
            x = block.feed_forward(x)
        return self._head(self.decoder.drop(self.decoder.final_layer_norm(x)))

    def begin(self, memory_BSD: Tensor, mask_BS: Tensor) -> Decoding:
        """Prepare incremental decoding of B samples."""
        cross = [block.attention(1).keys_values(memory_BSD) for block in self.decoder.blocks]
        return Decoding(cross, padding_bias(mask_BS), own=[])

    def step(self, state: Decoding, tokens_BN: Tensor) -> Tensor:
        """Logits (B, N, V) after one more token on each of N beams; extends `state`."""
        position = torch.arange(state.length + 1, device=tokens_BN.device)
        own_bias = self.decoder.position_bias(position[-1:], position)
        x = self.shared(tokens_BN)
        own: list[Pair] = []
        for index, block in enumerate(self.decoder.blocks):
            x, pair = block.own_step(x, state.own[index] if state.own else None, own_bias)
            own.append(pair)
            # The beams of a sample are queries of one attention: its memory is never copied.
            x = block.feed_forward(block.cross(x, state.cross[index], state.cross_bias))
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
