"""Answers: which weights answer which cells after each step of a run."""

from __future__ import annotations

import json
from dataclasses import dataclass

from continual_vqa.config.evaluation import EvaluationConfig
from continual_vqa.config.recipe import Recipe
from continual_vqa.files.hashing import short
from continual_vqa.plan.stages import Course, Weights
from continual_vqa.plan.streams import Stream


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers of some weights to some cells: one file of predictions, one of scores."""

    weights: Weights
    cells: tuple[str, ...]

    @property
    def id(self) -> str:
        """Name of the files, shared by runs in which the same weights answer the same cells."""
        return f"{self.weights.id}-{short(json.dumps(sorted(self.cells)), 4)}"


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
        found.append((Answers(weights, cells),))
    return tuple(found)
