"""The attention weights of a forward pass, of any family and without a line in its code.

While `recording`, every softmax over a (B, H, T, S) tensor and every fused attention of torch is
looked at: these are what an attention layer of any family here computes its weights with.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

_SOFTMAX = (torch.softmax, torch.nn.functional.softmax, Tensor.softmax)


@contextmanager
def recording() -> Iterator[list[Tensor]]:
    """Within, the list grows by the weights (B, H, T, S) of each attention layer that is run."""
    maps: list[Tensor] = []
    with _Recorder(maps):
        yield maps


class _Recorder(TorchFunctionMode):
    def __init__(self, maps: list[Tensor]) -> None:
        super().__init__()
        self._maps = maps

    def __torch_function__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if func is F.scaled_dot_product_attention:
            self._maps.append(weights_of(*args, **(kwargs or {})))
        elif func in _SOFTMAX and out.ndim == 4:
            self._maps.append(out)
        return out


def weights_of(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """The weights (B, H, T, S) of `scaled_dot_product_attention` without dropout.

    Parameters
    ----------
    query, key : (B, H, T, K) and (B, H or G, S, K); G groups of heads with `enable_gqa`
    attn_mask : bool, true where may be looked, or numbers that are added
    """
    if enable_gqa:
        key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)
    scores = query @ key.transpose(-2, -1)
    scores = scores * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if is_causal:
        seen = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        scores = scores.masked_fill(~seen, -torch.inf)
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        scores = scores.masked_fill(~attn_mask, -torch.inf)
    elif attn_mask is not None:
        scores = scores + attn_mask
    # A row that may look nowhere, of padding, has no weights.
    return scores.float().softmax(-1).nan_to_num(0.0)
