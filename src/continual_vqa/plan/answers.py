"""Answers: which weights answer which cells after each step of a run."""

from __future__ import annotations

import json
from dataclasses import dataclass

from continual_vqa.config.evaluation import EvaluationConfig
from continual_vqa.config.recipe import Recipe
from continual_vqa.files.hashing import short
from continual_vqa.plan.paths import Paths
from continual_vqa.plan.stages import Course, Stage, Weights
from continual_vqa.plan.streams import Stream


@dataclass(frozen=True, eq=False)
class Words:
    """The words of one task's training questions, by which it is told from other tasks."""

    task: str
    cells: tuple[str, ...]

    @property
    def id(self) -> str:
        """Name of the file, shared by all runs that learn the task from the same cells."""
        return f"{self.task}-{short(json.dumps(sorted(self.cells)), 8)}"

    def path(self, paths: Paths) -> str:
        """Where the words lie."""
        return paths.words.format(words=self.id)


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers of some weights to some cells: one file of predictions, one of scores.

    Attributes
    ----------
    weights : what answers, or what was deployed last
    cells : test cells "split/skill/group"
    among : the stages of all tasks seen, where each question is answered by the one of the task
        that is inferred for it; (): `weights` answer all
    """

    weights: Weights
    cells: tuple[str, ...]
    among: tuple[Stage, ...] = ()

    @property
    def id(self) -> str:
        """Name of the files, shared by runs in which the same weights answer the same cells."""
        name = f"{self.weights.id}-{short(json.dumps(sorted(self.cells)), 4)}"
        seen = sorted(stage.id for stage in self.among)
        return f"{name}-{short(json.dumps(seen), 8)}" if seen else name

    @property
    def words(self) -> tuple[Words, ...]:
        """By what the tasks are told apart, one for each."""
        return tuple(Words(stage.task, tuple(sorted(stage.cells))) for stage in self.among)

    def models(self, paths: Paths) -> list[str]:
        """All weights that answering reads."""
        found = (self.weights, *self.weights.stack, *self.among)
        return list(dict.fromkeys(weights.path(paths) for weights in found))

    def routes(self, paths: Paths) -> list[str]:
        """The file that says which stage answers which question, where there are several."""
        return [paths.routes.format(answers=self.id)] if self.among else []

    def arguments(self, paths: Paths) -> list[str]:
        """What answers, as options of the verb `predict`."""
        stack = [past.path(paths) for past in self.weights.stack]
        below = ["--stack", *stack] if stack else []
        if not self.among:
            return ["--model", self.weights.path(paths), *below]
        among = [f"{stage.task}={stage.path(paths)}" for stage in self.among]
        return ["--routes", *self.routes(paths), "--among", *among, *below]


@dataclass(frozen=True)
class TransferAnswers:
    """The answers to a downstream task: learned after the stream, and by itself from the base."""

    task: str
    after: Answers
    single: Answers


def transfers_of(course: Course, evaluation: EvaluationConfig) -> tuple[TransferAnswers, ...]:
    """What each downstream task of a run is scored by."""
    found = []
    for transfer in course.transfers:
        cells = transfer.task.named(evaluation.split, transfer.task.tested)
        answers = (Answers(stage, cells) for stage in (transfer.stage, transfer.single))
        found.append(TransferAnswers(transfer.task.name, *answers))
    return tuple(found)


def answers_of(
    stream: Stream, recipe: Recipe, course: Course, evaluation: EvaluationConfig
) -> tuple[tuple[Answers, ...], ...]:
    """For each step of the run the answers that its tasks are scored by."""
    split = evaluation.split
    if recipe.deploy == "own":
        own = [
            Answers(weights, stream.test_cells(split, step, step))
            for step, weights in enumerate(course.deployed, start=1)
        ]
        return tuple(tuple(own[: step + 1]) for step in range(len(own)))
    steps = len(stream.tasks)
    found = []
    for weights in course.deployed:
        step = weights.stage.step
        due = step % evaluation.every == 0 or step == steps
        last = steps if evaluation.tasks == "all" else step
        cells = stream.test_cells(split, 1, last) if due else stream.test_cells(split, step, step)
        among = course.stages[:step] if recipe.deploy == "inferred" else ()
        found.append((Answers(weights, cells, among),))
    return tuple(found)
