"""Streams: the sequence of tasks of one order, in the standard or a novel-composition setting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from continual_vqa.config.orders import Similarity, ordered, shuffled
from continual_vqa.config.tasks import Task, TaskKind, published_tasks

STANDARD = "none"


@dataclass(frozen=True, slots=True)
class Stream:
    """Tasks in the order in which they are learned.

    Attributes
    ----------
    order : name of the order
    held_out : the group skipped in every task but the first, or "none"
    tasks : the tasks, in order
    downstream : tasks that are learned afterwards, each by itself
    """

    order: str
    held_out: str
    tasks: tuple[Task, ...]
    downstream: tuple[Task, ...] = ()

    @property
    def name(self) -> str:
        """The name in files and figures, e.g. "published" or "published-novel-G3"."""
        return self.order if self.held_out == STANDARD else f"{self.order}-novel-{self.held_out}"

    def train_cells(self, step: int, seed: int) -> tuple[str, ...]:
        """The training cells of the task at `step` (from 1) in the random order of the seed."""
        return task_cells(self.tasks[step - 1], seed)

    def all_train_cells(self) -> tuple[str, ...]:
        """The training cells of all tasks, sorted."""
        return tuple(sorted(c for task in self.tasks for c in task.named("train", task.groups)))

    def test_cells(self, split: str, first: int, last: int) -> tuple[str, ...]:
        """The cells that test the tasks of the steps `first` to `last` (from 1), in order."""
        chosen = self.tasks[first - 1 : last]
        return tuple(cell for task in chosen for cell in task.named(split, task.tested))


def make_stream(
    order: str,
    held_out: str,
    skills: Sequence[str],
    groups: Sequence[str],
    *,
    tasks: TaskKind = "skills",
    relabelings: int = 0,
    similarity: Similarity | None = None,
    multimodal: Callable[[str], bool] = lambda skill: True,
    downstream: Sequence[str] = (),
) -> Stream:
    """The stream of `skills` (given in the published order) x `groups`.

    Source: VQACL, section "novel composition testing" (one group is skipped in every task but
    the first).

    Parameters
    ----------
    tasks, relabelings : see `published_tasks`
    downstream : skills that are learned afterwards, each by itself
    similarity : needed by the orders by similarity
    multimodal : whether a skill shows image and text: for the orders by modality

    Raises
    ------
    UserError : unknown order, or one by similarity without what it needs
    """
    published = published_tasks(tasks, skills, groups, relabelings)
    kinds = [multimodal(task.skill) for task in published]
    places = ordered(order, [task.name for task in published], similarity, kinds)
    first, *others = (published[place] for place in places)
    kept = [replace(t, groups=tuple(g for g in t.groups if g != held_out)) for t in others]
    later = published_tasks("skills", downstream, groups)
    return Stream(order, held_out, (first, *kept), later)


def task_cells(task: Task, seed: int) -> tuple[str, ...]:
    """The training cells of a task in the random order of the seed."""
    return task.named("train", group_order(task.groups, task.name, seed))


def group_order(groups: Sequence[str], task: str, seed: int) -> tuple[str, ...]:
    """The random order in which a task's groups are trained (VQACL protocol), from the seed."""
    return tuple(shuffled(groups, f"groups of {task}, seed {seed}"))
