"""What a stage needs of the stages before it: importances, masks, a teacher, a memory.

Each is a file named by what it is made of, so that methods which need the same file share it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from continual_vqa.config.guards import MaskGuard
from continual_vqa.config.importance import ImportanceConfig
from continual_vqa.files.hashing import short
from continual_vqa.plan.paths import Paths
from continual_vqa.plan.stages import Stage, Weights


@dataclass(frozen=True, eq=False)
class Importance:
    """The importance of the trained weights for the task of `stage`, measured after it."""

    stage: Stage
    config: ImportanceConfig

    @property
    def digest(self) -> str:
        """Names the measurement among those of the same stage."""
        return short(self.config.model_dump_json(), 8)

    def path(self, paths: Paths) -> str:
        """Where the measurement lies."""
        return paths.importance.format(stage=self.stage.id, digest=self.digest)


@dataclass(frozen=True, eq=False)
class Mask:
    """The mask after the stages `past`, from the importance of each."""

    past: tuple[Stage, ...]
    guard: MaskGuard

    @property
    def stage(self) -> Stage:
        """The stage after which it is made."""
        return self.past[-1]

    @property
    def settings(self) -> dict[str, object]:
        """What the mask's file depends on beside the importances."""
        return self.guard.choosing()

    @property
    def digest(self) -> str:
        """Names the mask among those made after the same stage."""
        identity = [[stage.id for stage in self.past], self.settings]
        return short(json.dumps(identity, sort_keys=True), 8)

    @property
    def importances(self) -> tuple[Importance, ...]:
        """One for each stage, in order."""
        return tuple(Importance(stage, self.guard.importance) for stage in self.past)

    def path(self, paths: Paths) -> str:
        """Where the mask lies: with the last of its stages."""
        return paths.mask.format(stage=self.stage.id, digest=self.digest)


@dataclass(frozen=True, eq=False)
class Memory:
    """The questions that a stage replays: some of every earlier task's training cells."""

    step: int
    seed: int
    tasks: tuple[tuple[str, ...], ...]

    @property
    def id(self) -> str:
        """Name of the memory, shared by all methods that replay the same tasks."""
        return f"seed-{self.seed}/{self.step:02d}-{short(json.dumps(sorted(self.cells)), 8)}"

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells that the questions are chosen from."""
        return tuple(cell for cells in self.tasks for cell in sorted(cells))


@dataclass(frozen=True, eq=False)
class Logits:
    """The logits of what the task of `stage` keeps, as its model gives them right after it."""

    stage: Stage
    memory: Memory

    @property
    def digest(self) -> str:
        """Names the file among those of the same stage."""
        return short(self.memory.id, 8)

    def path(self, paths: Paths) -> str:
        """Where the logits lie."""
        return paths.logits.format(stage=self.stage.id, digest=self.digest)


def masks_of(stage: Stage) -> tuple[Mask, ...]:
    """One mask for each mask guard of the stage, in the recipe's order."""
    return tuple(Mask(stage.past, g) for g in stage.recipe.guards if g.kind == "mask")


def importances_of(stage: Stage) -> tuple[Importance, ...]:
    """The importances that the stage itself reads: those of penalties and directional masks."""
    configs = [
        guard.importance
        for guard in stage.recipe.guards
        if guard.kind == "penalty" or (guard.kind == "mask" and guard.directional)
    ]
    return tuple(Importance(past, config) for config in _once(configs) for past in stage.past)


def teacher_of(stage: Stage) -> Weights | None:
    """The model that the stage compares with or lets answer, if any: the one it starts from."""
    if not stage.recipe.compares or not stage.past:
        return None
    return stage.start or stage.past[-1]


def memory_of(stage: Stage) -> Memory | None:
    """What the stage replays, if it does."""
    if stage.recipe.replay == "none" or not stage.past:
        return None
    return Memory(stage.step, stage.seed, tuple(past.cells for past in stage.past))


def logits_of(stage: Stage) -> tuple[Logits, ...]:
    """What was stored for the questions that the stage replays, a file for each earlier stage.

    A task stores what it keeps at first: later it keeps a part of that.
    """
    if not stage.recipe.replays_logits:
        return ()
    cells = [past.cells for past in stage.past]
    return tuple(
        Logits(past, Memory(past.step + 1, stage.seed, tuple(cells[:number])))
        for number, past in enumerate(stage.past, start=1)
    )


def inputs_of(stage: Stage, paths: Paths) -> dict[str, list[str]]:
    """The files of earlier stages that training a stage reads, by the verb's option."""
    teacher, memory = teacher_of(stage), memory_of(stage)
    inputs = {
        "masks": [mask.path(paths) for mask in masks_of(stage)],
        "importance": [importance.path(paths) for importance in importances_of(stage)],
        "teacher": [teacher.path(paths)] if teacher else [],
        "memory": [paths.memory.format(memory=memory.id)] if memory else [],
        "logits": [logits.path(paths) for logits in logits_of(stage)],
        "stack": [past.path(paths) for past in stage.stack],
    }
    return {option: files for option, files in inputs.items() if files}


def _once(configs: Iterable[ImportanceConfig]) -> list[ImportanceConfig]:
    return list(dict.fromkeys(configs))
