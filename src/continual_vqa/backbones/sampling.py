"""Ancestral sampling of answers: each token drawn from the model given those before it.

Shapes: B samples, L longest answer, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


@torch.no_grad()
def sample_tokens(
    logits: Callable[[Tensor], Tensor], uniforms: Tensor, *, pad: int, end: int
) -> Tensor:
    """Answers (B, up to L): tokens and the end mark, then padding.

    A draw is the first token at which the cumulative probability exceeds the uniform number, so it
    depends on its own sample alone. The padding token is never drawn: no answer holds it. An answer
    of L tokens without an end mark is cut (choice of this project).

    Parameters
    ----------
    logits : tokens so far and a place for the next (B, n + 1) -> logits (B, V) of the next
    uniforms : (B, L) numbers in [0, 1)
    """
    size, longest = uniforms.shape
    tokens = torch.full((size, longest), pad, dtype=torch.long, device=uniforms.device)
    open_ = torch.ones(size, dtype=torch.bool, device=uniforms.device)
    for position in range(longest):
        prefix = tokens[:, : position + 1].clone()
        prefix[:, -1] = end
        row = logits(prefix).double()
        row[:, pad] = -torch.inf
        token = drawn(row, uniforms[:, position])
        tokens[:, position] = torch.where(open_, token, pad)
        open_ &= token != end
        if not bool(open_.any()):
            return tokens[:, : position + 1]
    return tokens


def drawn(logits: Tensor, uniforms: Tensor) -> Tensor:
    """For each row of `logits` (B, V) the first id at which the sum of probabilities exceeds u.

    Parameters
    ----------
    uniforms : (B,) numbers u in [0, 1)
    """
    # float64: neither the batch nor the order of the sum may decide a draw.
    sums = logits.double().softmax(-1).cumsum(-1)
    aim = (uniforms[:, None].double() * sums[:, -1:]).contiguous()
    return torch.searchsorted(sums, aim, right=True)[:, 0].clamp_(max=logits.shape[-1] - 1)
