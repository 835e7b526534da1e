"""Stages: one unit of training each. Stages that are provably the same work are the same stage."""

from __future__ import annotations

import json
from dataclasses import dataclass

from continual_vqa.config.recipe import Recipe
from continual_vqa.files.hashing import short
from continual_vqa.plan.streams import Stream, group_order

# Slots that only matter once something has been learned before: a first stage has no earlier
# task to guard or to replay, and every start is the base model.
_LATER_SLOTS = ("start", "guards", "replay")
_NOT_TRAINING = ("title", "paper", "deploy")


@dataclass(frozen=True, eq=False)
class Stage:
    """One training job.

    Attributes
    ----------
    id : folder name below `stages/`: seed, step, task and a hash of all that was trained so far
    step : 1-based position in the stream; of a joint stage the number of tasks
    task : the skill, or "joint"
    seed : seed of the run
    cells : training cells "split/skill/group", in training order
    start : the stage whose weights this one starts from; None: the base model
    recipe : the recipe with only the slots that act in this stage
    past : the earlier stages of the run, in order
    test_cells : cells answered after this stage
    """

    id: str
    step: int
    task: str
    seed: int
    cells: tuple[str, ...]
    start: Stage | None
    recipe: Recipe
    past: tuple[Stage, ...]
    test_cells: tuple[str, ...]

    @property
    def slots(self) -> dict[str, object]:
        """The recipe's slots that act in this stage, as plain data."""
        return _slots(self.recipe, self.step)


def stages_of(
    stream: Stream, recipe: Recipe, seed: int, *, test_split: str, test_future: bool
) -> tuple[Stage, ...]:
    """The stages of one run in order: one a task, or a single one when the recipe is joint."""
    if recipe.schedule == "joint":
        cells = tuple(sorted(f"train/{t.name}/{g}" for t in stream.tasks for g in t.groups))
        step = len(stream.tasks)
        tests = _tests(stream, step, test_split)
        return (_stage("joint", step, seed, cells, None, recipe, (), tests),)
    stages: list[Stage] = []
    for step, task in enumerate(stream.tasks, start=1):
        cells = tuple(f"train/{task.name}/{g}" for g in group_order(task.groups, task.name, seed))
        start = stages[-1] if stages and recipe.start == "previous" else None
        tested = len(stream.tasks) if test_future else step
        tests = _tests(stream, tested, test_split)
        past = tuple(stages)
        stages.append(_stage(task.name, step, seed, cells, start, recipe, past, tests))
    return tuple(stages)


def _stage(
    task: str,
    step: int,
    seed: int,
    cells: tuple[str, ...],
    start: Stage | None,
    recipe: Recipe,
    past: tuple[Stage, ...],
    test_cells: tuple[str, ...],
) -> Stage:
    slots = _slots(recipe, step)
    # Tested cells belong to the identity: answers are stored per stage.
    identity = [task, step, cells, start.id if start else "base", slots, sorted(test_cells)]
    if past and start is None and (recipe.guards or recipe.replay != "none"):
        # Started from the base, yet made with the importances or the examples of earlier stages.
        identity.append(past[-1].id)
    digest = short(json.dumps(identity, sort_keys=True), 8)
    name = f"seed-{seed}/{step:02d}-{task}-{digest}"
    acting = Recipe.model_validate(slots)
    return Stage(name, step, task, seed, cells, start, acting, past, test_cells)


def _slots(recipe: Recipe, step: int) -> dict[str, object]:
    slots = recipe.model_dump(mode="json", exclude=set(_NOT_TRAINING))
    if step == 1:
        slots = {key: value for key, value in slots.items() if key not in _LATER_SLOTS}
    return slots


def _tests(stream: Stream, tasks: int, split: str) -> tuple[str, ...]:
    return tuple(
        f"{split}/{task.name}/{group}"
        for task in stream.tasks[:tasks]
        for group in stream.test_groups
    )
