"""The list of runs of a study: which score files belong to which recipe, stream, seed and step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, ValidationError

from continual_vqa.config.block import Block
from continual_vqa.config.recipe import Recipe
from continual_vqa.errors import UserError

B = TypeVar("B", bound=Block)


class ScoredStep(Block):
    """One score file: answers of one run after one step; a step may have several such files.

    Attributes
    ----------
    slots : the recipe without its name, for comparisons of like with like
    """

    path: str
    study: str
    recipe: str
    title: str
    schedule: str
    stream: str
    order: str
    held_out: str
    seed: int
    step: Annotated[int, Field(ge=1)]
    task: str
    slots: Recipe = Recipe.model_validate({})


class Identity(Block):
    """What the metrics need to know of the study beside the scores.

    Attributes
    ----------
    tasks : stream name -> its tasks in the order in which they are learned
    cells : task -> its cells (skill, group); a task that is not listed is a skill with all groups
    composition_skills : tasks on which held-out compositions are tested
    standard : the value of `held_out` in streams that hold nothing out
    """

    skills: tuple[str, ...]
    groups: tuple[str, ...]
    composition_skills: tuple[str, ...]
    tasks: dict[str, tuple[str, ...]]
    cells: dict[str, tuple[tuple[str, str], ...]] = Field(default_factory=dict)
    standard: str = "none"

    def cells_of(self, stream: str) -> dict[str, tuple[tuple[str, str], ...]]:
        """The cells of each task of a stream, in the order of learning."""
        whole = {task: tuple((task, g) for g in self.groups) for task in self.tasks[stream]}
        return {task: self.cells.get(task, cells) for task, cells in whole.items()}


class Runs(Block):
    """All score files of a study."""

    identity: Identity
    runs: Annotated[tuple[ScoredStep, ...], Field(min_length=1)]

    def grouped(self) -> list[tuple[tuple[ScoredStep, ...], ...]]:
        """Run by run and step by step the score files; runs in the order of first appearance."""
        found: dict[tuple[str, str, int], dict[int, list[ScoredStep]]] = {}
        for scored in self.runs:
            run = found.setdefault((scored.stream, scored.recipe, scored.seed), {})
            run.setdefault(scored.step, []).append(scored)
        return [tuple(tuple(run[step]) for step in sorted(run)) for run in found.values()]


def parse(kind: type[B], content: object, where: str | Path) -> B:
    """`content` (parsed JSON) as a block of `kind`; a mistake is a `UserError` that names it."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(f"{place}: {first['msg']}", where=where) from error


def parse_runs(content: object, where: str | Path) -> Runs:
    """`content` (parsed JSON: {"identity": {...}, "runs": [...]}) checked.

    Raises
    ------
    UserError : a field is missing, unknown or of a wrong type, or a stream is not in the identity
    """
    runs = parse(Runs, content, where)
    for step in runs.runs:
        if step.stream not in runs.identity.tasks:
            raise UserError(
                f"stream {step.stream!r} has no tasks",
                where=where,
                expected=f"one of {', '.join(runs.identity.tasks)}",
            )
    known = set(runs.identity.groups)
    for task, cells in runs.identity.cells.items():
        groups = [group for _, group in cells]
        if not known.issuperset(groups) or len(set(groups)) != len(groups):
            raise UserError(
                f"task {task!r} has the cells {', '.join(map('/'.join, cells))}",
                where=where,
                expected=f"one cell of a group at most, of {', '.join(runs.identity.groups)}",
            )
    return runs
