"""What each part's drift costs: scores of a run's last model with parts as they were earlier."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated

import pyarrow as pa
from pydantic import Field

from continual_vqa.analysis.schemas import DAMAGE
from continual_vqa.config.block import Block
from continual_vqa.config.tasks import cell_task
from continual_vqa.errors import UserError
from continual_vqa.evaluation.score_tables import SCORES
from continual_vqa.files.parquet import read_table
from continual_vqa.files.progress import track


class RestoredScore(Block):
    """The score file in which one earlier task of a run was answered by one model.

    Attributes
    ----------
    restored : what the model has from right after the task: none, a part, or both
    """

    stream: str
    recipe: str
    seed: int
    task: str
    restored: str
    path: str


class DamageList(Block):
    """What `damage` reads."""

    identity: dict[str, object] = Field(default_factory=dict)
    runs: Annotated[tuple[RestoredScore, ...], Field(min_length=1)]


def damage(scores: Iterable[RestoredScore]) -> pa.Table:
    """The table DAMAGE.

    Raises
    ------
    UserError : a score file is missing or damaged, or has no question of the task
    """
    read = lru_cache(maxsize=64)(_accuracies)
    rows: list[dict[str, object]] = []
    scores = list(scores)
    for score in track(scores, len(scores), "scores read"):
        found = read(score.path)
        if score.task not in found:
            raise UserError(f"has no questions of task {score.task!r}", where=score.path)
        rows.append({**score.model_dump(exclude={"path"}), "accuracy": found[score.task]})
    return pa.Table.from_pylist(rows, DAMAGE)


def _accuracies(path: str) -> dict[str, float]:
    """Task -> mean accuracy in percent over all its questions, for skills and for single cells."""
    scores = read_table(path, SCORES, ["task", "group", "accuracy"])
    skills = scores.group_by("task").aggregate([("accuracy", "mean")]).to_pylist()
    cells = scores.group_by(["task", "group"]).aggregate([("accuracy", "mean")]).to_pylist()
    found = {cell_task(row["task"], row["group"]): 100 * row["accuracy_mean"] for row in cells}
    return found | {row["task"]: 100 * row["accuracy_mean"] for row in skills}
