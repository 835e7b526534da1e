"""Multinomial naive Bayes in exact fractions, question by question and word by word."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction


def terms(question: str) -> list[str]:
    """The words of an ASCII question, and its beginnings of two and three words."""
    words = re.findall(r"[a-z0-9']+", question.lower())
    return words + [" ".join(words[:n]) for n in (2, 3) if len(words) >= n]


def chances(question: str, trained: Mapping[str, Sequence[str]]) -> dict[str, Fraction]:
    """Task -> (questions + 1) · Π (count + 1) / (all counts + vocabulary), not normalised."""
    counts = {task: Counter(t for q in asked for t in terms(q)) for task, asked in trained.items()}
    vocabulary = set().union(*counts.values())
    found = {}
    for task, count in counts.items():
        chance = Fraction(len(trained[task]) + 1)
        for term in terms(question):
            if term in vocabulary:
                chance *= Fraction(count[term] + 1, count.total() + len(vocabulary))
        found[task] = chance
    return found
