"""Accuracy by normalised exact match, for tasks with one right answer (choice of this project).

An answer counts as the right one if both have the same letters and digits in the same words: NFKC,
lower case, every other character a blank, blanks collapsed. So a tokenizer's way with punctuation
costs nothing.
"""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pyarrow as pa

_OTHER = re.compile(r"[\W_]+")


def normal(answer: str) -> str:
    """The form in which answers are compared.

    An answer without any letter or digit stays as it is, stripped.
    """
    text = unicodedata.normalize("NFKC", answer).casefold()
    return _OTHER.sub(" ", text).strip() or text.strip()


def normal_match(answers: pa.Array, predictions: pa.Array) -> np.ndarray:
    """float64 [N] of 0 and 1: whether each prediction is the answer."""
    pairs = zip(answers.to_pylist(), predictions.to_pylist(), strict=True)
    return np.array([normal(answer) == normal(given) for answer, given in pairs], np.float64)
