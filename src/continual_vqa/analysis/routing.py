"""Routes of a study -> how many questions of each task were led to its model, after every step.

Runs share routes: each file is read once and told of every run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated

import pyarrow as pa
from pydantic import Field

from continual_vqa.analysis.schemas import FURTHER
from continual_vqa.config.block import Block
from continual_vqa.evaluation.routes import ROUTES
from continual_vqa.files.parquet import read_table
from continual_vqa.files.progress import track


class RoutedStep(Block):
    """One step of one run whose questions are routed; `path` is the file of its routes."""

    stream: str
    recipe: str
    seed: int
    step: Annotated[int, Field(ge=1)]
    path: str


class RoutedList(Block):
    """What `routing` reads."""

    identity: dict[str, object] = Field(default_factory=dict)
    runs: Annotated[tuple[RoutedStep, ...], Field(min_length=1)]


def routing(steps: Iterable[RoutedStep]) -> pa.Table:
    """The table "routing" (schemas.FURTHER).

    Raises
    ------
    UserError : a file of routes is missing, damaged, or another table
    """
    steps, counted = list(steps), lru_cache(maxsize=None)(_counted)
    rows = [
        {**step.model_dump(exclude={"path"}), "task": task, "n": n, "correct": correct}
        for step in track(steps, len(steps), "steps read")
        for task, n, correct in counted(step.path)
    ]
    return pa.Table.from_pylist(rows, FURTHER["routing"])


def _counted(path: str) -> list[tuple[str, int, int]]:
    """Task, questions, and those whose task was inferred, in the order of the routes."""
    routes = read_table(path, ROUTES, ["task", "inferred"]).to_pydict()
    pairs = Counter(zip(routes["task"], routes["inferred"], strict=True))
    return [(task, n, pairs[task, task]) for task, n in Counter(routes["task"]).items()]
