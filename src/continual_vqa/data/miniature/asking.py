"""What a question is before annotators answer it, and the register of the skills' templates."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from continual_vqa.data.miniature.world import Scene, Thing


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about a scene: its text, VQA v2's official question type, the true answer."""

    text: str
    question_type: str
    answer: str


# A skill's templates: all that it would ask about a scene. Yes/no questions draw with `rng`.
Template = Callable[[Scene, random.Random], list[Asked]]


def ask(text: str, answer: str, *types: str) -> Asked:
    """A question whose type is the longest of `types` that its text begins with.

    VQA v2's types are the most frequent beginnings of questions, cut at whole words.
    """
    lower = f"{text.lower().rstrip('?')} "
    fitting = [each for each in types if lower.startswith(f"{each} ")]
    if not fitting:
        raise AssertionError(f"{text!r} is of none of the types {types}")
    return Asked(text, max(fitting, key=len), answer)


def article(name: str) -> str:
    """`name` with a or an."""
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def yes_no(truth: bool) -> str:
    """The answer to a question that is decided by `truth`."""
    return "yes" if truth else "no"


def alone(scene: Scene) -> Thing | None:
    """The main object when it is the only one of its category (else "the dog" is ambiguous)."""
    return scene.main if len(scene.of(scene.main.category)) == 1 else None


def only(scene: Scene, person: str) -> Thing | None:
    """The one man or woman of a scene, or none if there are several or none."""
    found = [each for each in scene.people if each.person == person]
    return found[0] if len(found) == 1 else None
