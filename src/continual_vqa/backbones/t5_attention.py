"""T5's attention: no scaling, no biases, and relative position biases shared by all layers.

Shapes: B samples, T queries, S keys, H heads, K width of a head, D model width.
Source: Raffel et al., JMLR 2020; parameter names are those of Hugging Face's T5 so that its
weights load unchanged. Written here because importing transformers costs two seconds a process.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MASKED = -1e9


class Attention(nn.Module):
    """Multi-head attention; the first layer of a stack also owns the relative position bias."""

    def __init__(
        self, d_model: int, d_kv: int, heads: int, dropout: float, buckets: int | None = None
    ) -> None:
        super().__init__()
        inner = heads * d_kv
        self.heads, self.d_kv, self.dropout = heads, d_kv, dropout
        self.q = nn.Linear(d_model, inner, bias=False)
        self.k = nn.Linear(d_model, inner, bias=False)
        self.v = nn.Linear(d_model, inner, bias=False)
        self.o = nn.Linear(inner, d_model, bias=False)
        if buckets is not None:
            self.relative_attention_bias = nn.Embedding(buckets, heads)

    def keys_values(self, memory_BSD: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of `memory_BSD`, each (B, H, S, K)."""
        return self._split(self.k(memory_BSD)), self._split(self.v(memory_BSD))

    def forward(
        self, x_BTD: Tensor, keys_BHSK: Tensor, values_BHSK: Tensor, bias: Tensor
    ) -> Tensor:
        """Attend from `x_BTD` to the keys; `bias` broadcasts to (B, H, T, S) and holds the mask."""
        queries = self._split(self.q(x_BTD))
        weights = torch.matmul(queries, keys_BHSK.transpose(2, 3)) + bias
        weights = F.dropout(weights.softmax(-1), self.dropout, self.training)
        out = torch.matmul(weights, values_BHSK).transpose(1, 2)
        return self.o(out.reshape(*x_BTD.shape[:2], -1))

    def _split(self, x_BTI: Tensor) -> Tensor:
        return x_BTI.view(*x_BTI.shape[:2], self.heads, self.d_kv).transpose(1, 2)


def position_bias(
    embedding: nn.Embedding, queries: Tensor, keys: Tensor, *, two_way: bool, farthest: int
) -> Tensor:
    """Relative position bias (1, H, T, S) for query positions (T) and key positions (S)."""
    distance = keys[None, :] - queries[:, None]
    buckets = bucket(distance, embedding.num_embeddings, farthest, two_way=two_way)
    # One row for all samples: a per-sample gradient can then be taken (consolidation).
    return embedding(buckets[None]).permute(0, 3, 1, 2)


def bucket(distance: Tensor, buckets: int, farthest: int, *, two_way: bool) -> Tensor:
    """T5's bucket of each signed distance (key minus query), in [0, buckets).

    Half of the buckets are exact; the others grow logarithmically up to `farthest`, beyond which
    all share the last. With `two_way` each direction has half of the buckets, keys ahead the
    upper half; otherwise keys ahead count as distance 0.
    """
    offset = torch.zeros_like(distance)
    if two_way:
        buckets //= 2
        offset = (distance > 0).long() * buckets
        steps = distance.abs()
    else:
        steps = (-distance).clamp(min=0)
    exact = buckets // 2
    share = torch.log(steps.float().clamp(min=1) / exact) / math.log(farthest / exact)
    far = (exact + (share * (buckets - exact)).long()).clamp(max=buckets - 1)
    return offset + torch.where(steps < exact, steps, far)


def padding_bias(mask_BS: Tensor) -> Tensor:
    """(B, 1, 1, S): 0 where `mask_BS` is true, a large negative number elsewhere."""
    return torch.zeros(mask_BS.shape, device=mask_BS.device).masked_fill_(~mask_BS, MASKED)[
        :, None, None
    ]


def causal_bias(length: int, device: torch.device) -> Tensor:
    """(1, 1, T, T): 0 for a key at or before its query, a large negative number after it."""
    return torch.full((length, length), MASKED, device=device).triu(1)[None, None]
