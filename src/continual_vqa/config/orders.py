"""The named orders of tasks, and the measured similarity that two of them follow."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, ValidationError, model_validator

from continual_vqa.config.block import Block
from continual_vqa.errors import UserError
from continual_vqa.files.jsons import read_json

T = TypeVar("T")

EXPECTED = (
    "published, reversed, multi-first, mono-first, similar-first, dissimilar-first or "
    "permutation-N (N whole)"
)
# Examples of every kind, to guess what a mistyped name was meant to be.
EXAMPLES = (
    *("published", "reversed", "multi-first", "mono-first"),
    *("similar-first", "dissimilar-first", "permutation-1"),
)
MEASURE = "continual-vqa similarity --questions results/NAME/data/questions.parquet --split train"


class Similarity(Block):
    """The content of a file that the verb `similarity` writes.

    Attributes
    ----------
    names : tasks
    similarity : [tasks, tasks], symmetric, from 0 to 1
    """

    split: str
    tasks: str
    names: Annotated[tuple[str, ...], Field(min_length=1)]
    questions: tuple[int, ...]
    similarity: tuple[tuple[Annotated[float, Field(ge=0, le=1)], ...], ...]

    @model_validator(mode="after")
    def _square(self) -> Similarity:
        count = len(self.names)
        if len(set(self.names)) != count:
            raise ValueError("names a task twice")
        if [len(row) for row in self.similarity] != [count] * count:
            raise ValueError(f"similarity is not {count} x {count}, as `names` is long")
        return self

    def lacking(self, names: Sequence[str]) -> list[str]:
        """Those of `names` that were not measured."""
        return [name for name in names if name not in self.names]

    def among(self, names: Sequence[str]) -> list[list[float]]:
        """The similarities of `names`, in their order."""
        places = [self.names.index(name) for name in names]
        return [[self.similarity[a][b] for b in places] for a in places]


def read_similarity(path: str | Path) -> Similarity:
    """The similarity in `path`.

    Raises
    ------
    UserError : missing, damaged, or not of this form
    """
    try:
        return Similarity.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        what = first["msg"].removeprefix("Value error, ")
        raise UserError(
            f"{place}: {what}" if place else what, where=path, do=f"measure it again: {MEASURE}"
        ) from None


def is_order(name: str) -> bool:
    """Whether `name` is that of an order."""
    return name in {*_ORDERS, *BY_MODALITY, *CHAINS} or _seed(name) is not None


def ordered(
    name: str,
    tasks: Sequence[str],
    similarity: Similarity | None = None,
    multimodal: Sequence[bool] = (),
) -> list[int]:
    """The places of `tasks` (given in the published order) in the named order.

    Parameters
    ----------
    similarity : needed by the orders of `CHAINS`
    multimodal : whether each task shows image and text; needed by the orders of `BY_MODALITY`

    Raises
    ------
    UserError : unknown order, or one by similarity without it or with tasks that it lacks
    """
    if name in _ORDERS:
        return _ORDERS[name](len(tasks))
    if name in BY_MODALITY:
        # Sorting keeps the published order among equals.
        return sorted(range(len(tasks)), key=lambda task: multimodal[task] != BY_MODALITY[name])
    if name in CHAINS:
        lacking = similarity.lacking(tasks) if similarity else list(tasks)
        if similarity is None or lacking:
            raise UserError(
                f"order {name!r} needs the similarity of {', '.join(lacking)}",
                where="stream.similarity",
                do=f"measure it: {MEASURE}",
            )
        return chain(similarity.among(tasks), most=CHAINS[name])
    if (seed := _seed(name)) is not None:
        return shuffled(range(len(tasks)), f"order {seed}")
    raise UserError(f"unknown order {name!r}", where="stream.orders", expected=EXPECTED)


def chain(similarity: Sequence[Sequence[float]], *, most: bool) -> list[int]:
    """A greedy chain through all tasks, of the `most` (or least) similar neighbours.

    It begins with the most (least) similar pair, of the two with the one that was published first,
    and goes on with the most (least) similar task left to the one before. Of equals the first in
    the published order is taken. Source: choice of this project.
    """
    tasks = range(len(similarity))
    if len(tasks) < 2:
        return list(tasks)
    # max and min give the first of equals.
    pick = max if most else min
    found = [pick(combinations(tasks, 2), key=lambda pair: similarity[pair[0]][pair[1]])[0]]
    left = [task for task in tasks if task != found[0]]
    while left:
        row = similarity[found[-1]]
        found.append(pick(left, key=row.__getitem__))
        left.remove(found[-1])
    return found


def shuffled(items: Sequence[T], key: str) -> list[T]:
    """`items` in an order that `key` decides."""
    # random.Random(str) hashes the string with SHA-512: the same on every machine and version.
    found = list(items)
    random.Random(key).shuffle(found)
    return found


def _seed(name: str) -> str | None:
    kind, _, number = name.partition("-")
    return number if kind == "permutation" and number.isdecimal() else None


_ORDERS: Mapping[str, Callable[[int], list[int]]] = {
    "published": lambda count: list(range(count)),
    "reversed": lambda count: list(range(count))[::-1],
}

# Orders by modality (ATLAS): whether tasks of image and text come first, or those of one alone.
BY_MODALITY: Mapping[str, bool] = {"multi-first": True, "mono-first": False}

# Orders by similarity: whether the most similar task follows, or the least.
CHAINS: Mapping[str, bool] = {"similar-first": True, "dissimilar-first": False}
