"""Tasks and their names: a skill, one cell of a skill, or a copy of either with other answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

TaskKind = Literal["skills", "cells"]

# No name of a taxonomy holds either mark, so that a task's name tells what it is made of.
CELL_MARK = "."
COPY_MARK = "~"


@dataclass(frozen=True, slots=True)
class Task:
    """What is learned in one step.

    Attributes
    ----------
    name : "color"; of a single cell "color.G1"; of the second relabelling "color~2", "color~2.G1"
    skill : the skill in the names of its cells: "color", or "color~2"
    groups : the concept groups that are trained
    tested : the concept groups that are tested
    """

    name: str
    skill: str
    groups: tuple[str, ...]
    tested: tuple[str, ...]

    @property
    def cells(self) -> tuple[tuple[str, str], ...]:
        """The (skill, group) pairs that are tested."""
        return tuple((self.skill, group) for group in self.tested)

    def named(self, split: str, groups: Sequence[str]) -> tuple[str, ...]:
        """Names "split/skill/group" of the task's cells of `groups`, in that order."""
        return tuple(f"{split}/{self.skill}/{group}" for group in groups)


def published_tasks(
    kind: TaskKind, skills: Sequence[str], groups: Sequence[str], relabelings: int = 0
) -> tuple[Task, ...]:
    """Every task, in the published order.

    Of skills it is the taxonomy's. Of cells: every skill with the first group, then every skill
    with the second and so on, so that neighbours are never of one skill. Copies follow the tasks
    that they are made of, one relabelling after the other: a study with fewer of them is the
    beginning of one with more. (Choices of this project.)
    """
    found: list[Task] = []
    for number in range(relabelings + 1):
        copies = [relabelled(skill, number) for skill in skills]
        if kind == "skills":
            found += [Task(skill, skill, tuple(groups), tuple(groups)) for skill in copies]
        else:
            found += [
                Task(cell_task(skill, group), skill, (group,), (group,))
                for group in groups
                for skill in copies
            ]
    return tuple(found)


def cell_task(skill: str, group: str) -> str:
    """The name of the task that is one cell."""
    return f"{skill}{CELL_MARK}{group}"


def relabelled(skill: str, number: int) -> str:
    """The name of a skill's relabelling `number`; 0 is the skill itself."""
    return f"{skill}{COPY_MARK}{number}" if number else skill


def is_cell(task: str) -> bool:
    """Whether the task is a single cell."""
    return CELL_MARK in task


def belongs(cell: str, task: str) -> bool:
    """Whether the cell "split/skill/group" is one of the task's."""
    _, skill, group = cell.split("/")
    return task in (skill, cell_task(skill, group))
