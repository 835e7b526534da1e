"""Choosing a cell's questions so that every template, question and answer gets its fair share."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import dataclass

from continual_vqa.data.miniature.asking import Asked, Template
from continual_vqa.data.miniature.world import Scene
from continual_vqa.errors import UserError

MAX_PER_IMAGE = 2


@dataclass(frozen=True, slots=True)
class Chosen:
    """A question and the position of its scene in the pool."""

    scene: int
    asked: Asked


def choose(template: Template, pool: list[Scene], number: int, rng: random.Random) -> list[Chosen]:
    """`number` questions of one skill about the scenes of one group.

    Always the rarest question type is taken next, of it the rarest question, of that the rarest
    answer: so no answer is likelier than another by its question alone, as VQA v2 is balanced.
    At most `MAX_PER_IMAGE` questions are about one image.
    """
    waiting: dict[str, dict[str, dict[str, list[Chosen]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    order = list(range(len(pool)))
    rng.shuffle(order)
    for index in order:
        for asked in template(pool[index], rng):
            waiting[asked.question_type][asked.text][asked.answer].append(Chosen(index, asked))
    taken: Counter[tuple[str, ...]] = Counter()
    used: Counter[int] = Counter()
    chosen: list[Chosen] = []
    while len(chosen) < number:
        found = _next(waiting, taken, used, rng)
        if found is None:
            raise UserError(
                f"only {len(chosen)} of {number} questions can be asked about {len(pool)} images",
                where="miniature",
                expected="fewer questions per image",
                do="raise images_per_group or lower the number of questions",
            )
        chosen.append(found)
        used[found.scene] += 1
        for key in _keys(found.asked):
            taken[key] += 1
    return chosen


def _keys(asked: Asked) -> tuple[tuple[str, ...], ...]:
    whole = (asked.question_type, asked.text, asked.answer)
    return whole[:1], whole[:2], whole


def _next(waiting, taken: Counter, used: Counter, rng: random.Random) -> Chosen | None:
    for kind in _rarest(waiting, (), taken, rng):
        for text in _rarest(waiting[kind], (kind,), taken, rng):
            for answer in _rarest(waiting[kind][text], (kind, text), taken, rng):
                if _one_sided((kind, text), answer, taken):
                    break
                candidates = waiting[kind][text][answer]
                while candidates:
                    candidate = candidates.pop()
                    if used[candidate.scene] < MAX_PER_IMAGE:
                        return candidate
                del waiting[kind][text][answer]
            del waiting[kind][text]
        del waiting[kind]
    return None


def _one_sided(prefix: tuple[str, str], answer: str, taken: Counter) -> bool:
    """Whether one more of `answer` would tilt a yes/no question, the other answer being used up."""
    opposite = {"yes": "no", "no": "yes"}.get(answer)
    return opposite is not None and taken[(*prefix, answer)] > taken[(*prefix, opposite)]


def _rarest(choices, prefix: tuple[str, ...], taken: Counter, rng: random.Random) -> list[str]:
    return sorted(choices, key=lambda each: (taken[(*prefix, each)], rng.random()))
