"""Streams: the sequence of tasks of one order, in the standard or a novel-composition setting."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from continual_vqa.errors import UserError

STANDARD = "none"


@dataclass(frozen=True, slots=True)
class Task:
    """A skill and the concept groups that are trained in it."""

    name: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """Tasks in the order in which they are learned.

    Attributes
    ----------
    order : name of the order
    held_out : the group skipped in every task but the first, or "none"
    tasks : the tasks, in order
    test_groups : the groups that are tested, in every task
    """

    order: str
    held_out: str
    tasks: tuple[Task, ...]
    test_groups: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name in files and figures, e.g. "published" or "published-novel-G3"."""
        return self.order if self.held_out == STANDARD else f"{self.order}-novel-{self.held_out}"


def make_stream(order: str, held_out: str, skills: Sequence[str], groups: Sequence[str]) -> Stream:
    """The stream of `skills` (given in the published order) x `groups`.

    Source: VQACL, section "novel composition testing" (one group is skipped in every task but
    the first).

    Raises
    ------
    UserError : unknown order
    """
    ordered = order_skills(order, skills)
    tasks = tuple(
        Task(skill, tuple(g for g in groups if step == 0 or g != held_out))
        for step, skill in enumerate(ordered)
    )
    return Stream(order, held_out, tasks, tuple(groups))


def order_skills(order: str, skills: Sequence[str]) -> tuple[str, ...]:
    """`skills` (in the published order) arranged as the named order says."""
    if order == "published":
        return tuple(skills)
    if order == "reversed":
        return tuple(reversed(skills))
    kind, _, number = order.partition("-")
    if kind == "permutation" and number.isdecimal():
        return _shuffled(skills, f"order {number}")
    raise UserError(
        f"unknown order {order!r}",
        where="stream.orders",
        expected="published, reversed or permutation-N (N a whole number)",
    )


def group_order(groups: Sequence[str], task: str, seed: int) -> tuple[str, ...]:
    """The random order in which a task's groups are trained (VQACL protocol), from the seed."""
    return _shuffled(groups, f"groups of {task}, seed {seed}")


def _shuffled(items: Sequence[str], key: str) -> tuple[str, ...]:
    # random.Random(str) hashes the string with SHA-512: the same on every machine and version.
    shuffled = list(items)
    random.Random(key).shuffle(shuffled)
    return tuple(shuffled)
