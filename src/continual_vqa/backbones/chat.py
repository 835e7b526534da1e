"""The chat template around a question, and the visual tokens that its image mark stands for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from continual_vqa.backbones.tokens import BEGINS, Words

IMAGE, QUESTION = "<image>", "{question}"


def prompts(words: Words, template: str, questions: Sequence[str]) -> list[np.ndarray]:
    """Token ids (int64) of the template around each question; the image is one token still.

    An image mark inside a question is left out: a prompt shows exactly one image. The prompt begins
    with the tokenizer's mark of a beginning, unless the template says where it stands.
    """
    placed = words.begin is None or any(mark in template for mark in BEGINS)
    front = [] if placed else [words.begin]
    filled = [template.replace(QUESTION, question.replace(IMAGE, "")) for question in questions]
    return [np.asarray([*front, *ids], np.int64) for ids in words.plain(filled)]


def expanded(prompt: np.ndarray, image: int, count: int) -> np.ndarray:
    """The prompt with its image token, `image`, repeated `count` times."""
    return np.repeat(prompt, np.where(prompt == image, count, 1))
