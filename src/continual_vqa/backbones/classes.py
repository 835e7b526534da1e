"""The answers of a model that chooses: from a list, or among the choices of a question.

And which of a study's answers make the list.
"""

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

    Class V + k is the choice number k, from 0, of whatever question is asked.

    Parameters
    ----------
    places : K, the most choices that a question may have; 0: choices are no classes

    Raises
    ------
    UserError : no answer
    """

    def __init__(self, texts: Sequence[str], where: object = "answers", places: int = 0) -> None:
        if not texts:
            raise UserError("no answer to choose from", where=str(where), expected="at least one")
        self.texts, self.places = tuple(texts), places
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

    def place(self, text: str, choices: Sequence[str]) -> np.ndarray:
        """The class (1,) int64 of an answer among the choices of its question, or `NONE`.

        Where two choices are the same the first is meant.
        """
        among = [normal(choice) for choice in choices]
        found = normal(text) in among
        return np.asarray([len(self) + among.index(normal(text)) if found else NONE], np.int64)

    def decode(
        self, rows: Sequence[Sequence[int]], choices: Sequence[Sequence[str]] | None = None
    ) -> list[str]:
        """The answers of rows of one class each, asked with `choices`; `NONE` is the empty one."""
        own = [()] * len(rows) if choices is None else choices
        return [self._text(row[0], of) for row, of in zip(rows, own, strict=True)]

    def _text(self, number: int, choices: Sequence[str]) -> str:
        if number == NONE:
            return ""
        return self.texts[number] if number < len(self) else choices[number - len(self)]

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
