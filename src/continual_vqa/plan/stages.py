"""Stages, one unit of training each, and the merges of their weights.

Stages and merges that are provably the same work are the same stage or merge.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from continual_vqa.config.merge import MergeConfig
from continual_vqa.config.recipe import Recipe
from continual_vqa.config.tasks import Task
from continual_vqa.config.tuning import Phase
from continual_vqa.files.hashing import short
from continual_vqa.plan.paths import Paths
from continual_vqa.plan.streams import Stream, task_cells

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
    task : name of the task, or "joint"
    seed : seed of the run
    cells : training cells "split/skill/group", in training order
    start : the weights that this stage starts from; None: the base model
    recipe : the recipe with only the slots that act in this stage
    past : the earlier stages of the run, in order
    phase : of a bank of adapters: the phase of the task that is trained
    questions : how many of the training questions are used; 0: all
    """

    id: str
    step: int
    task: str
    seed: int
    cells: tuple[str, ...]
    start: Weights | None
    recipe: Recipe
    past: tuple[Stage, ...]
    phase: Phase = "expansion"
    questions: int = 0

    @property
    def slots(self) -> dict[str, object]:
        """The recipe's slots that act in this stage, as plain data."""
        return _slots(self.recipe, self.past)

    @property
    def stage(self) -> Stage:
        """The stage that these weights come from: itself."""
        return self

    @property
    def jobs(self) -> tuple[Stage, ...]:
        """The training jobs of the task: an earlier phase, if there is one, and this stage."""
        before = self.start
        same = isinstance(before, Stage) and before.step == self.step
        return (before, self) if same and isinstance(before, Stage) else (self,)

    @property
    def stack(self) -> tuple[Stage, ...]:
        """The stages that stay as they are below what this one trains."""
        return self.past if self.recipe.start == "stacked" else ()

    def path(self, paths: Paths) -> str:
        """Where the weights lie."""
        return paths.model.format(stage=self.id)


@dataclass(frozen=True, eq=False)
class Merge:
    """Weights made of the weights of earlier stages.

    Attributes
    ----------
    stage : the stage after which they are made
    config : how
    models : what is merged, in order
    """

    stage: Stage
    config: MergeConfig
    models: tuple[Weights, ...]

    @property
    def id(self) -> str:
        """Name of the merge: seed, step, task, kind and a hash of what is merged how."""
        stage = self.stage
        identity = [[model.id for model in self.models], self.config.model_dump(mode="json")]
        digest = short(json.dumps(identity, sort_keys=True), 8)
        return f"seed-{stage.seed}/{stage.step:02d}-{stage.task}-{self.config.kind}-{digest}"

    @property
    def stack(self) -> tuple[Stage, ...]:
        """Nothing lies below merged weights."""
        return ()

    def path(self, paths: Paths) -> str:
        """Where the weights lie."""
        return paths.merged.format(merge=self.id)

    @property
    def cells(self) -> tuple[str, ...]:
        """The training cells of the models' own tasks, each once."""
        return tuple(dict.fromkeys(c for model in self.models for c in model.stage.cells))

    def report(self, paths: Paths) -> str:
        """Where the report of the merge lies."""
        return paths.merge_report.format(merge=self.id)


Weights = Stage | Merge


@dataclass(frozen=True)
class Transfer:
    """A downstream task: learned from what a stream left, and by itself from the base."""

    task: Task
    stage: Stage
    single: Stage


@dataclass(frozen=True)
class Course:
    """One recipe on one stream with one seed.

    Attributes
    ----------
    stages : one for each task in order, or a single one when the recipe is joint
    deployed : the weights that are in use after each stage: its own, or a merge
    transfers : the downstream tasks
    """

    stages: tuple[Stage, ...]
    deployed: tuple[Weights, ...]
    transfers: tuple[Transfer, ...] = ()


def course_of(stream: Stream, recipe: Recipe, seed: int, *, questions: int = 0) -> Course:
    """The stages of one run, what is deployed after each, and its downstream tasks.

    Parameters
    ----------
    questions : training questions of a downstream task; 0: all
    """
    stages: list[Stage] = []
    deployed: list[Weights] = []
    if recipe.schedule == "joint":
        cells = stream.all_train_cells()
        stages.append(_stage("joint", len(stream.tasks), seed, cells, None, recipe, ()))
        deployed.append(stages[0])
    else:
        for step, task in enumerate(stream.tasks, start=1):
            cells = stream.train_cells(step, seed)
            stages.append(_learned(task, step, seed, cells, recipe, stages, deployed))
            deployed.append(_deployed(recipe, stages, deployed))
    transfers = tuple(
        _transfer(task, seed, recipe, stages, deployed, questions) for task in stream.downstream
    )
    return Course(tuple(stages), tuple(deployed), transfers)


def _learned(
    task: Task,
    step: int,
    seed: int,
    cells: tuple[str, ...],
    recipe: Recipe,
    stages: Sequence[Stage],
    deployed: Sequence[Weights],
    questions: int = 0,
) -> Stage:
    """The stage that ends with `task` learned after `stages`."""
    starts: dict[str, Sequence[Weights]] = {"previous": stages, "merged": deployed}
    start = next(iter(starts.get(recipe.start, ())[-1:]), None)
    past = tuple(stages)
    for phase in _phases(recipe, past):
        start = _stage(task.name, step, seed, cells, start, recipe, past, phase, questions)
    assert isinstance(start, Stage)
    return start


def _transfer(
    task: Task,
    seed: int,
    recipe: Recipe,
    stages: Sequence[Stage],
    deployed: Sequence[Weights],
    questions: int,
) -> Transfer:
    # All at once has no guards, replay or merge: what it left is a start like any other.
    alone = recipe.model_copy(update={"schedule": "continual"})
    after = alone.model_copy(update={"start": "previous"}) if alone != recipe else recipe
    cells = tuple(sorted(task_cells(task, seed)))
    step = stages[-1].step + 1
    learned = _learned(task, step, seed, cells, after, stages, deployed, questions)
    # The same step: all that is drawn at random is drawn alike.
    single = _learned(task, step, seed, cells, alone, (), (), questions)
    return Transfer(task, learned if learned.start or _uses_past(after) else single, single)


def _deployed(recipe: Recipe, stages: Sequence[Stage], deployed: Sequence[Weights]) -> Weights:
    last, config = stages[-1], recipe.merge
    # One set of weights is what every kind of merge makes of it.
    if config is None or len(stages) == 1:
        return last
    models = (*stages,) if config.of == "all" else (deployed[-1], last)
    return Merge(last, config, models)


def _stage(
    task: str,
    step: int,
    seed: int,
    cells: tuple[str, ...],
    start: Weights | None,
    recipe: Recipe,
    past: tuple[Stage, ...],
    phase: Phase = "expansion",
    questions: int = 0,
) -> Stage:
    slots = _slots(recipe, past)
    identity = [task, step, cells, start.id if start else "base", slots]
    if past and not isinstance(start, Stage) and _uses_past(recipe):
        # Not a continuation of the last stage, yet made with importances, examples or updates of
        # the earlier ones.
        identity.append([stage.id for stage in past])
    if phase != "expansion":
        identity.append(phase)
    if questions:
        identity.append(questions)
    digest = short(json.dumps(identity, sort_keys=True), 8)
    name = f"seed-{seed}/{step:02d}-{task}-{digest}"
    acting = Recipe.model_validate(slots)
    return Stage(name, step, task, seed, cells, start, acting, past, phase, questions)


def _uses_past(recipe: Recipe) -> bool:
    return bool(recipe.guards) or recipe.replay != "none" or recipe.start == "stacked"


def _phases(recipe: Recipe, past: Sequence[Stage]) -> tuple[Phase, ...]:
    """The training phases of a task; a first task has no earlier adapters to learn to use."""
    return recipe.bank.phases if recipe.bank and past else ("expansion",)


def _slots(recipe: Recipe, past: Sequence[Stage]) -> dict[str, object]:
    slots = recipe.model_dump(mode="json", exclude=set(_NOT_TRAINING))
    if not past:
        slots = {key: value for key, value in slots.items() if key not in _LATER_SLOTS}
    return slots
