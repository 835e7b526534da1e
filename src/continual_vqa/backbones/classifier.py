"""What models share that choose their answer from a list; a base of model families.

The list's answers are judged independently: the sigmoid of an answer's logit is the VQA score that
the model expects of it, and training compares it with the scores of all candidate answers (ViLT,
Kim et al., ICML 2021; Anderson et al., CVPR 2018). Where one answer alone is meant, it is the
one of them that is right, given that exactly one is: the independent judgements under that
condition are the softmax of the logits. Hence answers are scored, drawn and distilled by softmax,
like the tokens of other families.

A model may also choose among the choices of a question: each is read in a prompt of its own and
gets a score, and the right one is learned by the cross-entropy of these scores (CLiMB, Srinivasan
et al., NeurIPS 2022). The answers are then V + K ids, of the list and of K places; what a question
does not offer, places or the list, has the logit `ABSENT`.
Shapes: B samples, V answers, K places, N = V + K.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from continual_vqa.backbones.base import Backbone, Batch, answer_losses
from continual_vqa.backbones.classes import NONE, Classes
from continual_vqa.backbones.sampling import drawn

# The logit of what may not be answered. Its probability is 0 at any temperature in use, and no
# arithmetic with it overflows; a number that all floating-point types hold exactly.
ABSENT = -(2.0**15)


class Classifier(Backbone):
    """A model whose answer is one id: its place in the list `classes`, or V and a choice's."""

    classes: Classes  # pyright: ignore[reportIncompatibleVariableOverride]

    def answer_tokens(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The class (1,) of each answer, or `classes.NONE`."""
        return self.classes.encode(texts)

    def answer_texts(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """The answers of rows of one class each."""
        return self.classes.decode(rows)

    def real(self, answers: Tensor) -> Tensor:
        """All of them (B, 1): an answer is one id."""
        return torch.ones_like(answers, dtype=torch.bool)

    def losses(self, batch: Batch, logits: Tensor | None = None) -> Tensor:
        """(B,): the sum over the list of the binary cross-entropies of the labels.

        As ViLT and ATLAS have it: the mean times the number of answers. Without labels, and of a
        question with choices: the cross-entropy of the one answer, 0 for one that is no class.
        """
        assert batch.answers is not None
        logits = self.logits(batch) if logits is None else logits
        if batch.labels is None:
            return answer_losses(logits, batch.answers, NONE)
        each = F.binary_cross_entropy_with_logits(
            logits[:, 0, : len(self.classes)].float(), batch.labels, reduction="none"
        ).sum(1)
        if batch.choices is None:
            return each
        return torch.where(batch.choices > 0, answer_losses(logits, batch.answers, NONE), each)

    def squares(self, logits: Tensor) -> Tensor:
        """The squared L2 norms (B, 1) of the logits of what may be answered."""
        return super().squares(logits.masked_fill(logits == ABSENT, 0.0))

    @torch.inference_mode()
    def generate(self, batch: Batch, *, beams: int, length: int) -> tuple[Tensor, Tensor]:
        """The likeliest answers (B, 1) and their log-probabilities (B,) among all of a question.

        The list, or the choices, are searched whole: `beams` and `length` change nothing.
        """
        totals, ids = self.logits(batch)[:, 0].float().log_softmax(-1).max(-1)
        return ids[:, None], totals

    @torch.no_grad()
    def sample(self, batch: Batch, uniforms: Tensor) -> Tensor:
        """Answers (B, 1) drawn by softmax; the first of the `uniforms` (B, L) settles each."""
        return drawn(self.logits(batch)[:, 0], uniforms[:, 0])[:, None]
