"""What each question is trained on: one answer that is drawn, or the scores of all candidates."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from continual_vqa.backbones.base import Backbone
from continual_vqa.backbones.classes import NONE, Classes
from continual_vqa.errors import UserError
from continual_vqa.training.targets import Candidates, cumulative, draw, scores

# Rare misspelt answers are unknown to any word-level vocabulary; a model of another world knows
# next to none.
MOST_UNKNOWN = 0.5


class Targets(NamedTuple):
    """Of B questions: each one's answer as ids, labels (B, V) or None, weights of the losses."""

    answers: list[np.ndarray]
    labels: np.ndarray | None
    weights: list[float]


class Supervision(Protocol):
    """The targets of numbered questions."""

    def of(self, numbers: Sequence[int], uniforms: np.ndarray) -> Targets:
        """The targets of some questions; `uniforms[number]` in [0, 1) settles what is drawn."""
        ...


class Drawn:
    """One answer of each question, drawn by the named rule and weighted by its score.

    Raises
    ------
    UserError : the model does not know the words of most answers
    """

    def __init__(
        self, candidates: Sequence[Candidates], target: str, model: Backbone, where: Path
    ) -> None:
        self._candidates = candidates
        self._cumulative = [cumulative(row, target) for row in candidates]
        texts = sorted({text for row in candidates for text in row.texts})
        self._tokens = dict(zip(texts, model.answer_tokens(texts), strict=True))
        _refuse_a_foreign_vocabulary(self._tokens, model, where)

    def of(self, numbers: Sequence[int], uniforms: np.ndarray) -> Targets:
        """See `Supervision.of`."""
        answers, weights = [], []
        for number in numbers:
            row = self._candidates[number]
            picked = draw(float(uniforms[number]), self._cumulative[number])
            answers.append(self._tokens[row.texts[picked]])
            weights.append(row.scores[picked])
        return Targets(answers, None, weights)


class Scored:
    """All candidate answers of each question as labels; its answer is the most frequent one.

    The labels hold the scores, so every question weighs 1. Answers that are not in the list give
    no label; how many questions are left without any is said on stderr. A question with choices
    has its answer alone, where the model chooses among them.

    Raises
    ------
    UserError : most questions have no answer in the list
    """

    def __init__(
        self,
        candidates: Sequence[Candidates],
        target: str,
        classes: Classes,
        where: Path,
        choices: Sequence[Sequence[str]] = (),
    ) -> None:
        self._classes = classes
        among = choices if choices and classes.places else [()] * len(candidates)
        rows = list(zip(candidates, among, strict=True))
        self._scores = [{} if own else scores(row, target) for row, own in rows]
        self._first = [
            classes.place(row.texts[0], own) if own else classes.encode(row.texts[:1])[0]
            for row, own in rows
        ]
        known = zip(self._first, self._scores, strict=True)
        self.without = sum(
            first[0] == NONE and not any(text in classes for text in row) for first, row in known
        )
        if self.without:
            print(
                f"{self.without:,} of {len(candidates):,} questions have no label: none of their "
                f"answers is among the {len(classes):,} of the model",
                file=sys.stderr,
            )
        if self.without > MOST_UNKNOWN * len(candidates):
            raise UserError(
                f"{self.without:,} of {len(candidates):,} questions have no answer among the "
                f"{len(classes):,} of the model",
                where=where,
                do="set backbone.folder to a model that knows them, or leave it empty, or raise "
                "backbone.vilt.answers",
            )

    def of(self, numbers: Sequence[int], uniforms: np.ndarray) -> Targets:
        """See `Supervision.of`; nothing is drawn."""
        labels = self._classes.labels([self._scores[number] for number in numbers])
        return Targets([self._first[number] for number in numbers], labels, [1.0] * len(numbers))


def supervision(
    candidates: Sequence[Candidates],
    target: str,
    model: Backbone,
    where: Path,
    choices: Sequence[Sequence[str]] = (),
) -> Supervision:
    """The kind of targets that `model` is trained on, of questions read from `where`.

    Parameters
    ----------
    choices : those of each question, [] where it is open; (): all are
    """
    if model.classes is not None:
        return Scored(candidates, target, model.classes, where, choices)
    return Drawn(candidates, target, model, where)


def _refuse_a_foreign_vocabulary(
    tokens: Mapping[str, np.ndarray], model: Backbone, where: Path
) -> None:
    unknown = [text for text, ids in tokens.items() if model.words.unknown in ids]
    if len(unknown) > MOST_UNKNOWN * len(tokens):
        raise UserError(
            f"the model does not know the words of {len(unknown):,} of {len(tokens):,} answers "
            f"({', '.join(unknown[:4])}, ...)",
            where=where,
            do="set backbone.folder to a model whose tokenizer knows them, or leave it empty",
        )
