"""Importances and masks of a study -> what is protected, what tasks share, how importance lies."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Annotated

import numpy as np
import pyarrow as pa
from pydantic import Field

from continual_vqa.analysis.importance_sets import Bin, TopSet, histogram, parts_of, top_sets
from continual_vqa.analysis.schemas import FURTHER
from continual_vqa.config.block import Block
from continual_vqa.config.guards import MaskGuard
from continual_vqa.consolidation.mask_file import FORMAT
from continual_vqa.consolidation.task_importance import TaskImportance
from continual_vqa.errors import UserError
from continual_vqa.files.jsons import parse_text
from continual_vqa.files.progress import track
from continual_vqa.files.tensors import read_header

Row = dict[str, object]
# Sets of a large model that are kept for the next runs, which often share a first step.
KEPT = 16


class SurveyedStep(Block):
    """One importance that a guard of a run reads.

    Attributes
    ----------
    guard : place of the guard among those of the recipe
    mask : the mask made after the step, "" for a guard that makes none
    settings : the mask guard
    """

    stream: str
    recipe: str
    seed: int
    guard: Annotated[int, Field(ge=0)]
    step: Annotated[int, Field(ge=1)]
    task: str
    importance: str
    mask: str
    settings: MaskGuard | None

    def identity(self) -> Row:
        """The columns that all tables share."""
        return self.model_dump(include={"stream", "recipe", "seed", "guard"})


class SurveyList(Block):
    """What `survey` reads."""

    identity: dict[str, object] = Field(default_factory=dict)
    runs: Annotated[tuple[SurveyedStep, ...], Field(min_length=1)]


def survey(steps: Iterable[SurveyedStep]) -> dict[str, pa.Table]:
    """The tables "masks", "overlap" and "importance" (schemas.FURTHER).

    Raises
    ------
    UserError : a file is missing, damaged, or of another kind
    """
    guards = _by_guard(steps)
    bins = lru_cache(maxsize=None)(_bins)
    sets = lru_cache(maxsize=KEPT)(_sets)
    rows: dict[str, list[Row]] = {"masks": [], "overlap": [], "importance": []}
    for group in track(guards, len(guards), "guards surveyed"):
        for step in group:
            rows["importance"] += _importance_rows(step, bins(step.importance))
            rows["masks"] += _mask_rows(step)
        rows["overlap"] += _overlap_rows(group, sets)
    return {name: pa.Table.from_pylist(found, FURTHER[name]) for name, found in rows.items()}


def _by_guard(steps: Iterable[SurveyedStep]) -> list[list[SurveyedStep]]:
    found: dict[tuple[str, str, int, int], list[SurveyedStep]] = {}
    for step in steps:
        found.setdefault((step.stream, step.recipe, step.seed, step.guard), []).append(step)
    return [sorted(group, key=lambda s: s.step) for group in found.values()]


def _bins(path: str) -> dict[str, list[Bin]]:
    task = TaskImportance(path)
    return {part: histogram(task, names) for part, names in parts_of(task).items()}


def _sets(path: str, guard: MaskGuard) -> dict[str, TopSet]:
    return top_sets(TaskImportance(path), guard)


def _importance_rows(step: SurveyedStep, parts: dict[str, list[Bin]]) -> Iterator[Row]:
    for part, bins in parts.items():
        for each in bins:
            yield {
                **step.identity(),
                "step": step.step,
                "task": step.task,
                "part": part,
                "low": each.low,
                "high": each.high,
                "count": each.count,
            }


def _mask_rows(step: SurveyedStep) -> Iterator[Row]:
    if step.settings is None:
        return
    for part, numbers in _summary(step.mask).items():
        yield {
            **step.identity(),
            "scope": step.settings.scope,
            "step": step.step,
            "task": step.task,
            "part": part,
            **numbers,
        }


def _summary(path: str) -> dict[str, dict[str, float | int | None]]:
    """Part -> what the header of a mask says of it."""
    metadata, _ = read_header(path)
    if metadata.get("format") != FORMAT:
        found = metadata.get("format")
        raise UserError(f"has format {found!r}", where=path, expected=repr(FORMAT))
    names = ("entries", "protected", "share", "threshold", "budget")
    try:
        summary = parse_text(metadata["summary"], path)
        return {part: {name: row[name] for name in names} for part, row in summary.items()}
    except (KeyError, ValueError, AttributeError, TypeError) as error:
        raise UserError("the header's summary is unreadable", where=path) from error


def _overlap_rows(
    group: Sequence[SurveyedStep], sets: Callable[..., dict[str, TopSet]]
) -> Iterator[Row]:
    """All pairs of the tasks of one run, for a guard that masks."""
    found = [(s, sets(s.importance, s.settings)) for s in group if s.settings is not None]
    for (a, first), (b, second) in itertools.combinations_with_replacement(found, 2):
        for part in first:
            entries = first[part].entries
            both = _ones(first[part].bits & second[part].bits) / entries
            either = _ones(first[part].bits | second[part].bits) / entries
            yield {
                **a.identity(),
                "task_a": a.task,
                "task_b": b.task,
                "part": part,
                "both": both,
                "either": either,
                "jaccard": both / either if either else float("nan"),
            }


def _ones(bits: np.ndarray) -> int:
    return int(np.bitwise_count(bits).sum(dtype=np.int64))
