"""The answers of a model that chooses from a list, and which of a study's answers make the list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from continual_vqa.errors import UserError

# The id of an answer that is not in the list: it has no label.
NONE = -1


def normal(text: str) -> str:
    """An answer as the list has it: lower case, no space around it."""
    return text.strip().lower()


def most_frequent(counts: Mapping[str, int], least: int, most: int) -> list[str]:
    """The answers given at least `least` times, at most `most` of them; the frequent ones first.

    Answers that are the same when normal are counted together. Ties go by the alphabet.
    """
    total: dict[str, int] = {}
    for text, count in counts.items():
        total[normal(text)] = total.get(normal(text), 0) + count
    total.pop("", None)
    ranked = sorted(total.items(), key=lambda item: (-item[1], item[0]))
    return [text for text, count in ranked if count >= least][:most]


class Classes:
    """Answer <-> class. V is the number of answers, an answer's class its place in `texts`.

    Raises
    ------
    UserError : no answer
    """

    def __init__(self, texts: Sequence[str], where: object = "answers") -> None:
        if not texts:
            raise UserError("no answer to choose from", where=str(where), expected="at least one")
        self.texts = tuple(texts)
        self._ids: dict[str, int] = {}
        for number, text in enumerate(self.texts):
            # A published list may hold an answer twice; the first is meant.
            self._ids.setdefault(normal(text), number)

    def __len__(self) -> int:
        return len(self.texts)

    def __contains__(self, text: str) -> bool:
        return normal(text) in self._ids

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The class (1,) int64 of each answer, or `NONE`."""
        return [np.asarray([self._ids.get(normal(text), NONE)], np.int64) for text in texts]

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """The answers of rows of one class each; `NONE` is the empty answer."""
        return [self.texts[row[0]] if row[0] != NONE else "" for row in rows]

    def labels(self, answers: Sequence[Mapping[str, float]]) -> np.ndarray:
        """Scores (B, V) float32 of the answers (text -> score) of B questions.

        An answer that is not in the list has no label: a question without any other has zeros.
        """
        out = np.zeros((len(answers), len(self)), np.float32)
        for row, scores in zip(out, answers, strict=True):
            for text, score in scores.items():
                number = self._ids.get(normal(text), NONE)
                if number != NONE:
                    row[number] = max(row[number], score)
        return out
