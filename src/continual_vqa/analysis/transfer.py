"""Downstream tasks: accuracy learned after a stream against learned alone from the base."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Annotated

import pyarrow as pa
from pydantic import Field

from continual_vqa.analysis.climb import relative_transfer
from continual_vqa.analysis.schemas import TRANSFER
from continual_vqa.config.block import Block
from continual_vqa.errors import UserError
from continual_vqa.evaluation.score_tables import SCORES
from continual_vqa.files.parquet import read_table
from continual_vqa.files.progress import track


class Learned(Block):
    """A downstream task of one run: the scores of both ways in which it was learned."""

    stream: str
    recipe: str
    title: str
    seed: int
    task: str
    after: str
    single: str


class TransferList(Block):
    """What `transfer` reads."""

    identity: dict[str, object] = Field(default_factory=dict)
    runs: Annotated[tuple[Learned, ...], Field(min_length=1)]


def transfer(learned: Iterable[Learned], chances: Mapping[str, float]) -> pa.Table:
    """The table TRANSFER.

    Parameters
    ----------
    chances : task -> accuracy of guessing, in [0, 1]; a task that is not listed has 0

    Raises
    ------
    UserError : a score file is missing or damaged, or has no question of the task
    """
    read = lru_cache(maxsize=64)(_accuracy)
    learned = list(learned)
    rows: list[dict[str, object]] = []
    for each in track(learned, len(learned), "scores read"):
        after, single = read(each.after, each.task), read(each.single, each.task)
        chance = 100 * chances.get(each.task, 0.0)
        rows.append(
            {
                **each.model_dump(exclude={"after", "single"}),
                "after": after,
                "single": single,
                "chance": chance,
                "relative": relative_transfer(after, single, chance),
            }
        )
    return pa.Table.from_pylist(rows, TRANSFER)


def _accuracy(path: str, task: str) -> float:
    """Mean accuracy in percent of the questions of `task`."""
    scores = read_table(path, SCORES, ["task", "accuracy"])
    means = scores.group_by("task").aggregate([("accuracy", "mean")]).to_pylist()
    found = {row["task"]: 100 * row["accuracy_mean"] for row in means}
    if task not in found:
        raise UserError(f"has no questions of task {task!r}", where=path)
    return found[task]
