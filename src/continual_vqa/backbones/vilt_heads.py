"""The heads of a ViLT beside the one over its list: for choices, and for pairs of images.

Source: CLiMB (Srinivasan et al., NeurIPS 2022), where a head with one score reads the pooled state
of each choice's prompt; ViLT (Kim et al., ICML 2021) for NLVR2, as in transformers'
`ViltForImagesAndTextClassification`: the pooled states of both images, side by side, and for the
second image a row of its own in the modality table.
Shapes: B samples, R prompts of theirs, T tokens, D width, V answers, K places for choices.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from continual_vqa.backbones.base import Batch
from continual_vqa.backbones.classes import Classes
from continual_vqa.backbones.classifier import ABSENT
from continual_vqa.files.hashing import short

# The row of the modality table that image tokens get; words have row 0.
FIRST, SECOND = 1, 2


class ExtraHeads(nn.Module):
    """`choice`: a pooled state (R, D) to a score (R, 1); `pair`: two (R, 2D) to logits (R, V).

    What the model has not is None, and no parameter.
    """

    def __init__(self, width: int, classes: Classes, pairs: bool) -> None:
        super().__init__()
        # Made without drawing a number; weights are filled afterwards.
        with torch.device("meta"):
            # A bias would be the same for all choices of a question, and change nothing.
            self.choice: Any = nn.Linear(width, 1, bias=False) if classes.places else None
            self.pair: Any = _pair_head(2 * width, len(classes)) if pairs else None
        self.to_empty(device="cpu")


def _pair_head(width: int, answers: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(width, width), nn.LayerNorm(width), nn.GELU(), nn.Linear(width, answers)
    )


@torch.no_grad()
def initialise(heads: ExtraHeads, seed: int) -> None:
    """Each tensor from the seed and its name alone, scaled as in `vilt_net.initialise`."""
    for name, tensor in heads.named_parameters():
        if name.endswith("bias"):
            tensor.zero_()
        elif tensor.dim() == 1:
            tensor.fill_(1.0)
        else:
            generator = torch.Generator().manual_seed(int(short(f"{seed} {name}", 12), 16))
            deviation = tensor.shape[1] ** -0.5
            tensor.copy_(torch.empty(tensor.shape).normal_(0.0, deviation, generator=generator))
    if heads.pair is not None:
        last = heads.pair[-1]
        last.bias.fill_(-math.log(max(1, len(last.bias) - 1)))


def widen(net: Any) -> None:
    """Give the modality table of `net` a row for second images, if it has none.

    It begins as that of first images (ViLT).
    """
    embeddings = net.vilt.embeddings
    rows: Tensor = embeddings.token_type_embeddings.weight.detach()
    if len(rows) <= SECOND:
        rows = torch.cat([rows, rows[FIRST:]])
        embeddings.token_type_embeddings = nn.Embedding.from_pretrained(rows, freeze=False)
        net.config.modality_type_vocab_size = len(rows)


class Reads(Protocol):
    """What `logits` needs of a model; see `vilt.Vilt`."""

    net: Any
    classes: Classes
    extra_heads: ExtraHeads

    def see(self, images: Tensor) -> Tensor:
        """Visual tokens of images."""
        ...

    def pooled(self, questions: Tensor, mask: Tensor, seen: Tensor, image: int = FIRST) -> Tensor:
        """Pooled states of prompts."""
        ...


def logits(model: Reads, batch: Batch, plain: Tensor) -> Tensor:
    """Logits (B, V + K) where some questions have choices or are about two images.

    Parameters
    ----------
    plain : (B,) `batch.plain`
    """
    answers, images = len(model.classes), batch.visual
    images = images[:, None] if images.dim() == 4 else images
    asked, mask = batch.questions, batch.mask
    if batch.choices is None:
        asked, mask = asked[:, None], mask[:, None]
    # Of each prompt the sample it belongs to, and its number there.
    sample, place = mask.any(2).nonzero(as_tuple=True)
    seen = model.see(images[:, 0]).index_select(0, sample)
    pooled = model.pooled(asked[sample, place], mask[sample, place], seen)
    out = pooled.new_full((len(mask), answers + model.classes.places), ABSENT)
    if (alone := plain[sample]).any():
        out[sample[alone], :answers] = model.net.classifier(pooled[alone])
    if batch.choices is not None and (chosen := batch.choices[sample] > 0).any():
        scores = model.extra_heads.choice(pooled[chosen])[:, 0]
        out[sample[chosen], answers + place[chosen]] = scores
    if (two := batch.pairs) is not None and two.any():
        seen = model.see(images[two, 1])
        other = model.pooled(asked[two, 0], mask[two, 0], seen, SECOND)
        states = torch.cat([pooled[two[sample]], other], 1)
        out[two, :answers] = model.extra_heads.pair(states)
    return out
