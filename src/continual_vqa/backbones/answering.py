"""Incremental answering: the prompt is read once, then a token of each beam at a time.

Shapes: B samples, N beams, V vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from continual_vqa.backbones.base import Batch

if TYPE_CHECKING:
    from continual_vqa.backbones.decoder import Decoder


class Answering:
    """A batch on N beams, with the keys and values of all tokens before."""

    def __init__(self, model: Decoder, batch: Batch, beams: int) -> None:
        from transformers.cache_utils import DynamicCache

        self._model, self._beams = model, beams
        self._prompt = batch.mask.shape[1]
        self._cache: Any = DynamicCache()
        states = model.read(model.embedded(batch), batch.mask, self._prompt, self._cache)
        first = model.net.lm_head(states[:, -1])
        self._first: Tensor | None = first[:, None].expand(-1, beams, -1)
        self._mask = batch.mask.repeat_interleave(beams, 0)
        if beams > 1:
            self._cache.batch_repeat_interleave(beams)

    def step(self, tokens: Tensor) -> Tensor:
        """Logits (B, N, V) after `tokens` (B, N); at first those after the prompt."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        model, flat = self._model, tokens.reshape(-1, 1)
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(flat), 1)], 1)
        states = model.read(model.lookup(flat), self._mask, self._prompt, self._cache)
        return model.net.lm_head(states[:, -1]).view(*tokens.shape, -1)

    def reorder(self, rows: Tensor) -> None:
        """Continue the rows (B * N) numbered `rows`; one beam never changes its row."""
        if self._beams > 1:
            self._cache.reorder_cache(rows)
