"""Questions with their choices as a model reads them, and its answers to them as texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from continual_vqa.backbones.base import Backbone, Batch
from continual_vqa.data.asking import all_asked
from continual_vqa.errors import UserError


class Prompts:
    """Numbered questions, each with its choices, [] where it is open.

    A model that chooses among choices reads one prompt for each of them: the question and the
    choice. Any other one reads them all behind the question (data/asking.py).

    Raises
    ------
    UserError : a question with more choices than the model has places
    """

    def __init__(
        self, model: Backbone, questions: Sequence[str], choices: Sequence[Sequence[str]]
    ) -> None:
        self._model = model
        self._choices: list[Sequence[str]] | None = None
        places = model.classes.places if model.classes is not None else 0
        if not places:
            tokens = model.question_tokens(all_asked(questions, choices))
            self._rows = [[row] for row in tokens]
            return
        most = max(map(len, choices), default=0)
        if most > places:
            raise UserError(
                f"a question has {most} choices",
                where="backbone",
                expected=f"at most {places}, as the training questions of its base model have",
                do="make the base model again, with the questions of this study",
            )
        self._choices = list(choices)
        self._rows = _rows(model, questions, choices)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def lengths(self) -> list[int]:
        """The tokens of each question's longest prompt."""
        return [max(map(len, rows)) for rows in self._rows]

    def batch(
        self,
        numbers: Sequence[int],
        visual: np.ndarray,
        pairs: np.ndarray | None = None,
        answers: Sequence[np.ndarray] | None = None,
        labels: np.ndarray | None = None,
    ) -> Batch:
        """A batch of some questions; the other arrays are as in `Backbone.batch`.

        Raises
        ------
        UserError : a question with choices that are read one by one about two images
        """
        rows = [row for number in numbers for row in self._rows[number]]
        counts = None
        if self._choices is not None and any(self._choices[number] for number in numbers):
            counts = np.array([len(self._choices[number]) for number in numbers], np.int64)
        if counts is not None and pairs is not None and (counts * pairs).any():
            raise UserError(
                "a question has choices and two images",
                where="the cells",
                expected="one or the other: the model has no head for both",
            )
        return self._model.batch(visual, rows, answers, labels, choices=counts, pairs=pairs)

    def texts(self, numbers: Sequence[int], tokens: Sequence[Sequence[int]]) -> list[str]:
        """The answers to some questions that rows of ids stand for."""
        classes = self._model.classes
        if classes is None or self._choices is None:
            return self._model.answer_texts(tokens)
        return classes.decode(tokens, [self._choices[number] for number in numbers])


def _rows(
    model: Backbone, questions: Sequence[str], choices: Sequence[Sequence[str]]
) -> list[list[np.ndarray]]:
    """The prompts of each question: one for each of its choices, one of an open question."""
    open_ones = [text for text, own in zip(questions, choices, strict=True) if not own]
    closed = [(text, one) for text, own in zip(questions, choices, strict=True) for one in own]
    plain = iter(model.question_tokens(open_ones))
    chosen = iter(model.choice_tokens(*zip(*closed, strict=True)) if closed else ())
    return [[next(chosen) for _ in own] if own else [next(plain)] for own in choices]
