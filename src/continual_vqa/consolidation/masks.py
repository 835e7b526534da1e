"""Which entries are protected after some tasks: the most important ones, within the budget.

Source: AIM (arXiv 2604.14779) chooses by quantiles within each part and its control by one global
quantile; how tasks share the budget is a choice of this project (config `accumulate`).

Parameters count in the order of their names, entries within in C order; between equal importances
the earlier entry is protected first. Entries of importance 0 are protected only where the budget
exceeds the others; they are counted (`zero_importance`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from continual_vqa.config.block import Block
from continual_vqa.config.guards import MaskGuard
from continual_vqa.consolidation.mask_file import pack, write_mask
from continual_vqa.consolidation.select import Entries, chosen, cut
from continual_vqa.consolidation.task_importance import TaskImportance, read_tasks
from continual_vqa.consolidation.union import union_set
from continual_vqa.errors import UserError


class MaskSettings(Block):
    """The settings of one `mask` job."""

    mask: Annotated[MaskGuard, Field(description="How the mask is chosen.")] = MaskGuard()


@dataclass(frozen=True, slots=True)
class Scope:
    """Tensors that are ranked together, and how many of their entries are protected."""

    names: tuple[str, ...]
    protected: int


def make_mask(
    importance: Sequence[str | Path], settings: MaskSettings, out: str | Path
) -> dict[str, dict[str, Any]]:
    """Choose the protected entries from the importance files of steps 1..t and write the mask.

    Returns
    -------
    part -> entries, budget, protected, share, threshold (the smallest protected importance; None
    with accumulate: union, which has one per task, or when nothing is protected), zero_importance

    Raises
    ------
    UserError : files that are damaged, do not belong together or were measured otherwise than the
        settings say; parts without a budget
    """
    tasks, guard = read_tasks(importance), settings.mask
    last = tasks[-1]
    _check_measure(last, guard)
    summary = _empty_summary(last, guard)
    bits: dict[str, NDArray[np.uint8]] = {}
    for scope in _scopes(last, guard, summary):
        threshold, masks = choose(tasks, scope, guard)
        for name, mask in masks:
            bits[name] = pack(mask)
            row = summary[last.parts[name]]
            row["protected"] += int(np.count_nonzero(mask))
            row["threshold"] = threshold
            if not threshold:
                row["zero_importance"] += _zeros(tasks, name, mask)
    for row in summary.values():
        row["share"] = row["protected"] / row["entries"] if row["entries"] else 0.0
    write_mask(out, bits, _header(last, guard, summary))
    return summary


def own_set(task: TaskImportance, guard: MaskGuard) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """(name, mask) of each tensor: what a mask of this task alone protects."""
    for scope in _scopes(task, guard, _empty_summary(task, guard)):
        yield from choose([task], scope, guard)[1]


def choose(
    tasks: Sequence[TaskImportance], scope: Scope, guard: MaskGuard
) -> tuple[float | None, Iterator[tuple[str, NDArray[np.bool_]]]]:
    """The protected set of one scope: its threshold, and (name, mask) of each tensor."""
    each = [task.entries(scope.names) for task in tasks]
    if guard.accumulate == "union" and len(tasks) > 1:
        return None, union_set(each, scope.protected)
    entries = accumulated(each, guard) if len(tasks) > 1 else each[0]
    where = cut(entries, scope.protected)
    return where.threshold if scope.protected else None, chosen(entries, where)


def accumulated(tasks: Sequence[Entries], guard: MaskGuard) -> Entries:
    """One importance for all tasks, float32: the largest, or the decayed sum (`accumulate`)."""
    first, *later = tasks
    arrays = {name: np.empty(first.shapes[name], np.float32) for name in first.names}
    total = Entries(arrays)
    for into, block in zip(total, first, strict=True):
        np.copyto(into, block)
    for task in later:
        for into, block in zip(total, task, strict=True):
            if guard.accumulate == "max":
                np.maximum(into, block, out=into)
            else:
                into *= np.float32(guard.decay)
                into += block
    return total


def _empty_summary(task: TaskImportance, guard: MaskGuard) -> dict[str, dict[str, Any]]:
    """The summary of a mask that protects nothing yet."""
    return {
        part: {
            "entries": sum(math.prod(task.shapes[n]) for n in _of(task, part)),
            "budget": budget,
            "protected": 0,
            "share": 0.0,
            "threshold": None,
            "zero_importance": 0,
        }
        for part, budget in _budgets(task, guard).items()
    }


def _check_measure(task: TaskImportance, guard: MaskGuard) -> None:
    # Whether the gradient's direction was kept too has no influence on the ranking.
    asked = guard.importance.model_dump(mode="json", exclude={"direction"})
    for key, value in asked.items():
        if task.settings.get(key) != value:
            raise UserError(
                f"was measured with {key} {task.settings.get(key)!r}",
                where=task.path,
                expected=f"{value!r}, as mask.importance says",
            )


def _budgets(task: TaskImportance, guard: MaskGuard) -> dict[str, float]:
    known = guard.budget.model_dump()
    parts = sorted(set(task.parts.values()))
    for part in parts:
        if part not in known:
            raise UserError(
                f"part {part!r} has no budget", where=task.path, expected=" or ".join(known)
            )
    return {part: known[part] for part in parts}


def _of(task: TaskImportance, part: str) -> tuple[str, ...]:
    return tuple(name for name in task.parts if task.parts[name] == part)


def _scopes(task: TaskImportance, guard: MaskGuard, summary: dict[str, Any]) -> list[Scope]:
    wanted = {part: round(row["budget"] * row["entries"]) for part, row in summary.items()}
    if guard.scope == "global":
        return [Scope(tuple(task.parts), sum(wanted.values()))]
    return [Scope(_of(task, part), k) for part, k in wanted.items()]


def _zeros(tasks: Sequence[TaskImportance], name: str, mask: NDArray[np.bool_]) -> int:
    """Protected entries that are important for no task."""
    unimportant = mask.copy()
    for task in tasks:
        unimportant &= task.array(name) == 0
    return int(np.count_nonzero(unimportant))


def _header(task: TaskImportance, guard: MaskGuard, summary: dict[str, Any]) -> dict[str, str]:
    return {
        **{key: task.metadata.get(key, "") for key in ("base_sha256", "stage", "step")},
        "shapes": json.dumps(task.shapes),
        "parts": json.dumps(task.parts),
        "settings": json.dumps(guard.choosing(), sort_keys=True),
        "summary": json.dumps(summary),
    }
