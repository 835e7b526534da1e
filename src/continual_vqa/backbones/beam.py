"""Beam search over any incremental decoder.

Shapes: B samples, N beams, V vocabulary, L longest answer.
The rules are those of Hugging Face's `generate(num_beams=N)`: a candidate may end among the N best
of a step, ended answers are ranked by log-probability / length (the end mark counts), and a sample
is closed once N answers have ended that all beat the best running one. A test compares both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(slots=True)
class _Beams:
    tokens: Tensor  # (B, N, L)
    scores: Tensor  # (B, N): running ones sum log-probabilities, ended ones divide by the length
    totals: Tensor  # (B, N): summed log-probabilities

    def take(self, rows: Tensor) -> _Beams:
        wide = rows[..., None].expand(-1, -1, self.tokens.shape[-1])
        return _Beams(
            self.tokens.gather(1, wide), self.scores.gather(1, rows), self.totals.gather(1, rows)
        )


def beam_search(
    step: Callable[[Tensor], Tensor],
    reorder: Callable[[Tensor], None],
    samples: int,
    *,
    beams: int,
    length: int,
    start: int,
    end: int,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """The best answer of each sample.

    Parameters
    ----------
    step : last tokens (B, N) -> logits (B, N, V) of the next; keeps its own caches
    reorder : rows (B * N) of the caches that the beams now continue
    samples, beams, length : B, N, L
    start, end : ids of the decoder's start token and of the end mark
    device : where the tensors live

    Returns
    -------
    tokens : (B, L) without the start; `end` and whatever follows it are filled with `end`
    totals : (B,) summed log-probability of each answer
    """
    shape = (samples, beams)
    blank = torch.full((*shape, length), end, dtype=torch.long, device=device)
    zeros = torch.zeros(shape, device=device)
    none = torch.full(shape, -torch.inf, device=device)
    running = _Beams(blank, none.clone(), none.clone())
    running.scores[:, 0] = running.totals[:, 0] = 0.0
    ended = _Beams(blank, none, zeros)
    open_ = torch.ones(samples, 1, dtype=torch.bool, device=device)
    last = torch.full(shape, start, dtype=torch.long, device=device)
    first_row = torch.arange(samples, device=device)[:, None] * beams
    for position in range(length):
        logs = step(last).float().log_softmax(-1) + running.scores[..., None]
        picked, rows, tokens = _candidates(logs, running, 2 * beams, position)
        over = tokens == end if position + 1 < length else torch.ones_like(tokens, dtype=torch.bool)
        rank = torch.arange(2 * beams, device=device) < beams
        done = picked.scores / (position + 1)
        done = done.masked_fill(~(over & rank & open_), -torch.inf)
        ended = _merge(ended, _Beams(picked.tokens, done, picked.totals), beams)
        alive = picked.scores.masked_fill(over, -torch.inf)
        chosen = alive.topk(beams, 1).indices
        running = _Beams(picked.tokens, alive, picked.totals).take(chosen)
        last = tokens.gather(1, chosen)
        best = running.scores[:, :1] / (position + 1)
        open_ = open_ & (best > ended.scores.amin(1, keepdim=True))
        if not bool(open_.any()):
            break
        reorder((first_row + rows.gather(1, chosen)).flatten())
    return ended.tokens[:, 0], ended.totals[:, 0]


def _candidates(
    logs: Tensor, running: _Beams, count: int, position: int
) -> tuple[_Beams, Tensor, Tensor]:
    """The `count` best continuations: as beams, the rows they continue, and their tokens."""
    vocabulary = logs.shape[-1]
    scores, flat = logs.flatten(1).topk(count, 1)
    rows, tokens = flat // vocabulary, flat % vocabulary
    picked = running.take(rows)
    picked.tokens[..., position] = tokens
    return _Beams(picked.tokens, scores, scores), rows, tokens


def _merge(ended: _Beams, new: _Beams, beams: int) -> _Beams:
    both = _Beams(
        torch.cat([ended.tokens, new.tokens], 1),
        torch.cat([ended.scores, new.scores], 1),
        torch.cat([ended.totals, new.totals], 1),
    )
    return both.take(both.scores.topk(beams, 1).indices)
