"""One tiny model of every backbone family and vision, for tests that all of them must pass."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import tiny_model
from continual_vqa.backbones.base import Backbone, Batch
from continual_vqa.backbones.pixels import input_shape
from continual_vqa.backbones.prompts import Prompts

QUESTIONS = ("what color is the left side?", "what color?", "what color is the right side?")
ANSWERS = ("red", "light blue", "white", "green")


def tiny_models() -> dict[str, Callable[[int], Backbone]]:
    """Name -> what builds the model from a seed."""
    import tiny_llava  # which makes its batches here
    import tiny_paligemma
    import tiny_vilt

    return {
        "t5_vision-patches": lambda seed: tiny_model.tiny(tiny_model.PATCHES, seed),
        "t5_vision-regions": lambda seed: tiny_model.tiny(tiny_model.REGIONS, seed),
        "t5_vision-low-rank": lambda seed: tiny_model.low_rank(seed),
        "llava": lambda seed: tiny_llava.tiny(seed),
        "paligemma": lambda seed: tiny_paligemma.tiny(seed),
        "vilt": lambda seed: tiny_vilt.tiny(seed),
        "vilt-low-rank": lambda seed: tiny_vilt.low_rank(seed),
        "vilt-all-kinds": lambda seed: tiny_vilt.of_all_kinds(seed),
    }


def batch(model: Backbone, numbers: np.ndarray) -> Batch:
    """Questions about random images, each a function of its number.

    Of a model that can be asked so, one of three has choices and one is about two images.
    """
    visual = np.stack([_picture(model, number) for number in numbers.tolist()])
    questions = [QUESTIONS[number % len(QUESTIONS)] for number in numbers.tolist()]
    answers = [ANSWERS[number % len(ANSWERS)] for number in numbers.tolist()]
    scores = [{answer: 1.0, ANSWERS[0]: 0.3} for answer in answers]
    if model.classes is not None and model.classes.places and model.sees_pairs:
        return of_all_kinds(model, numbers, visual, questions, answers)
    return model.batch(
        visual,
        model.question_tokens(questions),
        model.answer_tokens(answers),
        None if model.classes is None else model.classes.labels(scores),
    )


def choices_of(number: int) -> list[str]:
    """Of every third number two or three answers, the right one among them; else none."""
    if number % 3 != 1:
        return []
    return [ANSWERS[(number + more) % len(ANSWERS)] for more in range(-1, 1 + number // 3 % 2)]


def of_all_kinds(
    model: Backbone,
    numbers: np.ndarray,
    visual: np.ndarray,
    questions: list[str],
    answers: list[str],
) -> Batch:
    """The batch of a model that chooses among choices and sees pairs."""
    assert model.classes is not None
    choices = [choices_of(number) for number in numbers.tolist()]
    pairs = numbers % 3 == 2
    second = np.stack([_picture(model, 1000 + number) for number in numbers.tolist()])
    rows = zip(answers, choices, strict=True)
    labels = [{} if own else {answer: 1.0, ANSWERS[0]: 0.3} for answer, own in rows]
    return Prompts(model, questions, choices).batch(
        range(len(numbers)),
        np.stack([visual, second], 1),
        pairs if pairs.any() else None,
        [
            model.classes.place(answer, own) if own else model.answer_tokens([answer])[0]
            for answer, own in zip(answers, choices, strict=True)
        ],
        model.classes.labels(labels),
    )


def _picture(model: Backbone, number: int) -> np.ndarray:
    shape, dtype = input_shape(model.vision)
    rng = np.random.default_rng(number)
    if dtype == np.uint8:
        return rng.integers(0, 256, shape).astype(dtype)
    return rng.random(shape).astype(dtype)
