"""What a model is asked: a question and, where it may choose, what it chooses from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from string import ascii_uppercase


def asked(question: str, choices: Sequence[str]) -> str:
    """The question as it is handed to a model that writes its answer.

    "Where do you swim?" with choices becomes "Where do you swim? (A) kitchen (B) beach": the form
    of UnifiedQA (Khashabi et al. 2020) on one line (choice of this project). The answer is the
    text of a choice, not its letter. Without choices the question stays as it is.
    """
    marks = (*ascii_uppercase, *map(str, range(len(ascii_uppercase) + 1, len(choices) + 1)))
    return " ".join([question, *(f"({m}) {text}" for m, text in zip(marks, choices, strict=False))])


def all_asked(questions: Iterable[str], choices: Iterable[Sequence[str]]) -> list[str]:
    """`asked` for many questions, each with its own choices."""
    return [asked(text, of) if of else text for text, of in zip(questions, choices, strict=True)]
