"""The interface of a backbone: what training, evaluation and consolidation may know of a model.

Shapes: B samples, T question tokens, L answer tokens, V vocabulary. A model that chooses its answer
from a list has L = 1, and V is the length of the list. Of questions with choices, of which such a
model may read each as a prompt of its own, one has at most C.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from continual_vqa.backbones.adapters import Bank, Branch, act
from continual_vqa.backbones.classes import Classes
from continual_vqa.backbones.sampling import sample_tokens
from continual_vqa.backbones.tokens import PROMPT, Words, padded, spread
from continual_vqa.config.backbone import BackboneConfig, VisionConfig
from continual_vqa.errors import UserError

Part = Literal["vision", "language"]


@dataclass(frozen=True, slots=True)
class Batch:
    """Tensors of some samples; `answers` end with the end mark, then padding.

    `labels` are the scores of all candidate answers, for a model that chooses from a list. With
    `choices`, `questions` and `mask` are (B, C, T): a prompt for each choice of a question that has
    some, one prompt of an open one, then nothing but padding.
    """

    visual: Tensor  # (B, ...) uint8 pixels or float regions, see pixels.py; of pairs (B, 2, ...)
    questions: Tensor  # (B, T) int64
    mask: Tensor  # (B, T) bool, true for tokens
    answers: Tensor | None = None  # (B, L) int64
    labels: Tensor | None = None  # (B, V) float32 in [0, 1]
    choices: Tensor | None = None  # (B,) int64, how many are read; 0: open; None: all are open
    pairs: Tensor | None = None  # (B,) bool, whether about two images; None: none is
    stored: Tensor | None = None  # (B, L, K) float32, logits of an earlier model; None: not kept
    stored_ids: Tensor | None = None  # (B, L, K) int64, which of the V they are; None: all
    replayed: bool = False  # whether it is a batch of the memory

    @property
    def plain(self) -> Tensor | None:
        """(B,) bool, which samples are one prompt and one image; None: all are."""
        if self.choices is None and self.pairs is None:
            return None
        plain = self.questions.new_ones(len(self.questions), dtype=torch.bool)
        if self.choices is not None:
            plain = plain & (self.choices == 0)
        return plain if self.pairs is None else plain & ~self.pairs

    def take(self, chosen: Tensor) -> Batch:
        """The samples with the given numbers."""
        tensors = {
            field.name: value[chosen]
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), Tensor)
        }
        return replace(self, **tensors)


class Backbone(nn.Module, ABC):
    """A model that answers questions about an image.

    `named_parameters()` gives every tensor exactly once: tied weights have one name.

    Attributes
    ----------
    bank : the adapters that a stage put on the residual branches; None: there are none
    """

    family: str
    words: Words
    vision: VisionConfig
    sees_pairs: bool = False  # whether `visual` may be (B, 2, ...): two images a question
    default_tune: str = "full"  # what the recipe's slot tune: default means for this family
    classes: Classes | None = None  # the answers to choose from; None: answers are written

    def __init__(self) -> None:
        super().__init__()
        self.bank: Bank | None = None

    @abstractmethod
    def describe(self) -> dict[str, object]:
        """The JSON-able description from which the family builds the same, untrained model."""

    @abstractmethod
    def part_of(self, name: str) -> Part:
        """The part that the parameter `name` belongs to."""

    def low_rank(self) -> list[str]:
        """Parameters that tune: lora trains; empty for a model without low-rank factors."""
        return []

    def branches(self) -> list[Branch]:
        """The residual branches that adapters may act in; empty where a family names none."""
        return []

    def heads(self) -> list[str]:
        """Parameters of the head of a task, which is trained with its adapters."""
        return []

    def put_bank(self, bank: Bank) -> None:
        """Let `bank`, made for `branches()`, act from now on.

        Raises
        ------
        UserError : the family names no branches
        """
        if not bank:
            raise UserError(
                f"a {self.family} model names no residual branches",
                where="tune",
                expected="default, full or lora",
            )
        self.bank = bank.to(next(self.parameters()).device)
        act(self, self.branches(), bank)

    def show_tokens(self, mask: Tensor) -> None:
        """Tell the adapters which tokens (B, S) of the batch are no padding."""
        if self.bank is not None:
            self.bank.mask = mask

    @abstractmethod
    def logits(self, batch: Batch) -> Tensor:
        """Logits (B, L, V) of every answer token given those before it."""

    @abstractmethod
    def generate(self, batch: Batch, *, beams: int, length: int) -> tuple[Tensor, Tensor]:
        """Best answers (B, length) as ids and their summed log-probabilities (B,)."""

    def sample(self, batch: Batch, uniforms: Tensor) -> Tensor:
        """Answers (B, L) drawn from the model token by token; see `sampling.sample_tokens`.

        This general way computes all logits again for every token; a family may know a faster one.

        Parameters
        ----------
        uniforms : (B, L) numbers in [0, 1) that settle every draw, whatever the batch
        """
        return sample_tokens(
            lambda prefix: self.logits(replace(batch, answers=prefix))[:, -1],
            uniforms,
            pad=self.words.pad,
            end=self.words.end,
        )

    def losses(self, batch: Batch, logits: Tensor | None = None) -> Tensor:
        """Cross-entropy (B,) of each answer, averaged over its tokens and the end mark.

        `logits` (B, L, V) of the batch are computed unless given.
        """
        assert batch.answers is not None
        logits = self.logits(batch) if logits is None else logits
        return answer_losses(logits, batch.answers, self.words.pad)

    def log_likelihoods(self, batch: Batch, logits: Tensor | None = None) -> Tensor:
        """log p (B,) of each answer: summed over its tokens and the end mark.

        `logits` (B, L, V) of the batch are computed unless given.
        """
        assert batch.answers is not None
        # `losses` is the mean over the answer's tokens.
        return -self.real(batch.answers).sum(1) * self.losses(batch, logits)

    def squares(self, logits: Tensor) -> Tensor:
        """The squared L2 norms (B, L) of logits (B, L, V)."""
        return logits.float().square().sum(-1)

    def real(self, answers: Tensor) -> Tensor:
        """Which places (B, L) of `answers` (B, L) are no padding."""
        return answers != self.words.pad

    def adapt(self, config: BackboneConfig, seed: int) -> None:
        """Add what a study asks of its base beside the weights: low-rank factors, if any.

        Called once, after pretraining and before the base folder is written.
        """

    def answer_tokens(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Token ids of each answer, as a batch holds them."""
        return self.words.encode(texts)

    def answer_texts(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """The answers that rows of ids stand for."""
        return self.words.decode(rows)

    def prompt_tokens(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Token ids of texts that are put to the model as they stand."""
        return self.words.encode(texts)

    def question_tokens(self, questions: Sequence[str]) -> list[np.ndarray]:
        """Token ids of the prompt of each question."""
        return self.prompt_tokens([PROMPT.format(question=question) for question in questions])

    def choice_tokens(self, questions: Sequence[str], choices: Sequence[str]) -> list[np.ndarray]:
        """Token ids of the prompt of each question with one of its choices."""
        pairs = zip(questions, choices, strict=True)
        return self.question_tokens([f"{question} {choice}" for question, choice in pairs])

    def rows(self, questions: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """The prompts as ids (B, T), filled up on the right, and their mask (B, T)."""
        tokens = padded(questions, self.words.pad)
        return tokens, tokens != self.words.pad

    def batch(
        self,
        visual: np.ndarray,
        questions: Sequence[np.ndarray],
        answers: Sequence[np.ndarray] | None = None,
        labels: np.ndarray | None = None,
        *,
        choices: np.ndarray | None = None,
        pairs: np.ndarray | None = None,
    ) -> Batch:
        """Arrays of B samples as tensors on the model's device.

        Parameters
        ----------
        questions : a prompt for each sample; with `choices` (B,) as many as that says of those that
            are not open, one sample after the other
        pairs : (B,) bool, which samples are about two images
        """
        device = next(self.parameters()).device
        tokens, mask = self.rows(questions)
        if choices is not None:
            counts = np.maximum(choices, 1)
            tokens, mask = spread(tokens, counts, self.words.pad), spread(mask, counts, False)
        ends = None if answers is None else torch.from_numpy(padded(answers, self.words.pad))
        scores = None if labels is None else torch.from_numpy(labels).to(device)
        return Batch(
            visual=torch.from_numpy(np.ascontiguousarray(visual)).to(device),
            questions=torch.from_numpy(tokens).to(device),
            mask=torch.from_numpy(mask).to(device),
            answers=None if ends is None else ends.to(device),
            labels=scores,
            choices=None if choices is None else torch.from_numpy(choices).to(device),
            pairs=None if pairs is None else torch.from_numpy(pairs).to(device),
        )


def answer_losses(logits: Tensor, answers: Tensor, pad: int) -> Tensor:
    """Cross-entropy (B,) of `answers` (B, L) under `logits` (B, L, V), mean over real tokens."""
    each = F.cross_entropy(
        logits.float().transpose(1, 2), answers, reduction="none", ignore_index=pad
    )
    return each.sum(1) / (answers != pad).sum(1).clamp(min=1)


def parts(model: Backbone) -> dict[str, Part]:
    """Parameter name -> part, for every parameter."""
    return {name: model.part_of(name) for name, _ in model.named_parameters()}
