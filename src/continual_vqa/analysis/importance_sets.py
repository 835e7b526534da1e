"""One importance file: how its values are distributed, and which entries matter most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from continual_vqa.config.guards import MaskGuard
from continual_vqa.consolidation.masks import own_set
from continual_vqa.consolidation.task_importance import TaskImportance

DECADE = 4  # bins of the histogram in a factor of ten
# float32 reaches from 1.4e-45 to 3.4e38
_LOWEST, _HIGHEST = -46, 39


@dataclass(frozen=True, slots=True)
class Bin:
    """Entries whose mean importance has a log10 in [low, high); zeros: both are -inf."""

    low: float
    high: float
    count: int


@dataclass(frozen=True, eq=False)
class TopSet:
    """Some entries of a part, as packed bits tensor after tensor, and how many the part has."""

    bits: np.ndarray
    entries: int


def parts_of(task: TaskImportance) -> dict[str, list[str]]:
    """Part -> the names of its tensors, sorted."""
    found: dict[str, list[str]] = {}
    for name, part in task.parts.items():
        found.setdefault(part, []).append(name)
    return dict(sorted(found.items()))


def histogram(task: TaskImportance, names: list[str]) -> list[Bin]:
    """The bins of some tensors that are not empty, the zeros first."""
    counts = np.zeros((_HIGHEST - _LOWEST) * DECADE, np.int64)
    zeros = 0
    for block in task.entries(names):
        positive = block[block > 0]
        zeros += len(block) - len(positive)
        places = np.floor((np.log10(positive) - _LOWEST) * DECADE).astype(np.int64)
        counts += np.bincount(places, minlength=len(counts))
    bins = [
        Bin(_LOWEST + place / DECADE, _LOWEST + (place + 1) / DECADE, int(counts[place]))
        for place in np.flatnonzero(counts).tolist()
    ]
    return [*([Bin(-np.inf, -np.inf, zeros)] if zeros else []), *bins]


def top_sets(task: TaskImportance, guard: MaskGuard) -> dict[str, TopSet]:
    """Part -> the entries that a mask of this task alone protects: budget and scope count."""
    bits: dict[str, list[np.ndarray]] = {}
    entries: dict[str, int] = {}
    for name, inside in own_set(task, guard):
        part = task.parts[name]
        bits.setdefault(part, []).append(np.packbits(inside.reshape(-1)))
        entries[part] = entries.get(part, 0) + inside.size
    return {part: TopSet(np.concatenate(bits[part]), entries[part]) for part in sorted(bits)}
