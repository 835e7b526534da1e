"""What the verbs that look at a whole study read: one row per file and run that it belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from continual_vqa.config.guards import MaskGuard, PenaltyGuard
from continual_vqa.config.recipe import Recipe
from continual_vqa.plan.answers import Answers, TransferAnswers
from continual_vqa.plan.comparisons import aligns
from continual_vqa.plan.consolidation import Importance, Mask
from continual_vqa.plan.paths import Paths
from continual_vqa.plan.probes import probes_of
from continual_vqa.plan.stages import Course, Merge, Stage
from continual_vqa.plan.streams import Stream

Row = dict[str, object]


@dataclass(frozen=True)
class Run:
    """One recipe on one stream with one seed."""

    recipe: str
    stream: Stream
    seed: int
    course: Course
    answers: tuple[tuple[Answers, ...], ...]
    transfers: tuple[TransferAnswers, ...] = ()

    @property
    def ends(self) -> tuple[Stage, ...]:
        """The stages that end with a task learned, downstream tasks included."""
        later = (s for t in self.course.transfers for s in (t.stage, t.single))
        return (*self.stages, *later)

    @property
    def all_answers(self) -> tuple[Answers, ...]:
        """Everything that the run answers."""
        later = (a for t in self.transfers for a in (t.after, t.single))
        return (*(a for several in self.answers for a in several), *later)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stage after which each task is learned, or the only one of a joint run."""
        return self.course.stages


def scored(
    runs: Iterable[Run], recipes: Mapping[str, Recipe], paths: Paths, study: str
) -> list[Row]:
    """One row per score file and step that it is part of: what `aggregate` reads."""
    return [
        {
            **_run(run),
            "path": paths.scores.format(answers=answers.id),
            "study": study,
            "title": recipes[run.recipe].title or run.recipe,
            "schedule": recipes[run.recipe].schedule,
            "slots": recipes[run.recipe].model_dump(mode="json", exclude={"title", "paper"}),
            "order": run.stream.order,
            "held_out": run.stream.held_out,
            "step": stage.step,
            "task": stage.task,
        }
        for run in runs
        for stage, several in zip(run.stages, run.answers, strict=True)
        for answers in several
    ]


def transferred(runs: Iterable[Run], recipes: Mapping[str, Recipe], paths: Paths) -> list[Row]:
    """One row per run and downstream task: what `transfer` reads."""
    return [
        {
            **_run(run),
            "title": recipes[run.recipe].title or run.recipe,
            "task": transfer.task,
            "after": paths.scores.format(answers=transfer.after.id),
            "single": paths.scores.format(answers=transfer.single.id),
        }
        for run in runs
        for transfer in run.transfers
    ]


def surveyed(runs: Iterable[Run], recipes: Mapping[str, Recipe], paths: Paths) -> list[Row]:
    """One row per importance that a guard of a run reads, with the mask made after it."""
    return [
        {
            **_run(run),
            "guard": number,
            "step": stage.step,
            "task": stage.task,
            "importance": Importance(stage, guard.importance).path(paths),
            "mask": Mask(run.stages[:step], guard).path(paths) if guard.kind == "mask" else "",
            "settings": guard.model_dump(mode="json") if guard.kind == "mask" else None,
        }
        for run in runs
        for number, guard in _measuring(recipes[run.recipe])
        for step, stage in enumerate(run.stages[:-1], start=1)
    ]


def damage(probed: Iterable[Run], paths: Paths) -> list[Row]:
    """One row per earlier task and restored part: what `damage` reads."""
    rows: list[Row] = []
    for run in probed:
        restored = {p.part: paths.probe_scores.format(probe=p.id) for p in probes_of(run.answers)}
        *earlier, (last,) = run.answers
        for (past,) in earlier:
            scores = {
                "none": paths.scores.format(answers=last.id),
                **restored,
                "both": paths.scores.format(answers=past.id),
            }
            rows += [
                {**_run(run), "task": past.weights.stage.task, "restored": name, "path": path}
                for name, path in scores.items()
            ]
    return rows


def merged(runs: Iterable[Run], paths: Paths) -> list[Row]:
    """One row per stage of a run that aligns or is merged: what `merges` reads."""
    return [
        {
            **_run(run),
            "step": stage.step,
            "task": stage.task,
            "report": weights.report(paths) if isinstance(weights, Merge) else "",
            "alignment": paths.alignment.format(stage=stage.id) if aligns(stage.recipe) else "",
        }
        for run in runs
        for stage, weights in zip(run.stages, run.course.deployed, strict=True)
        if isinstance(weights, Merge) or aligns(stage.recipe)
    ]


def routed(runs: Iterable[Run], paths: Paths) -> list[Row]:
    """One row per step of a run whose questions are routed: what `routing` reads."""
    return [
        {**_run(run), "step": stage.step, "path": paths.routes.format(answers=answers.id)}
        for run in runs
        for stage, several in zip(run.stages, run.answers, strict=True)
        for answers in several
        if answers.among
    ]


def banked(runs: Iterable[Run], recipes: Mapping[str, Recipe], paths: Paths) -> list[Row]:
    """One row per step of every run: its checkpoints, its costs, and what its bank does.

    `kept` are the checkpoints without which some task so far could not be answered.
    """
    return [
        {
            **_run(run),
            "step": stage.step,
            "task": stage.task,
            "own": stage.path(paths),
            "kept": _kept(several, paths),
            "training": [
                {
                    "phase": job.phase if recipes[run.recipe].bank else "",
                    "cost": paths.train_cost.format(stage=job.id),
                }
                for job in stage.jobs
            ],
            "predictions": paths.predictions.format(answers=several[-1].id),
            "answering": paths.predict_cost.format(answers=several[-1].id),
            "use": paths.bank_use.format(stage=stage.id) if recipes[run.recipe].bank else "",
        }
        for run in runs
        for stage, several in zip(run.stages, run.answers, strict=True)
    ]


def _kept(answers: Iterable[Answers], paths: Paths) -> list[str]:
    """The checkpoints that some answers are made with, each once."""
    weights = (each for a in answers for each in (*a.weights.stack, a.weights, *a.among))
    return list(dict.fromkeys(each.path(paths) for each in weights))


def _run(run: Run) -> Row:
    return {"recipe": run.recipe, "stream": run.stream.name, "seed": run.seed}


def _measuring(recipe: Recipe) -> Iterator[tuple[int, MaskGuard | PenaltyGuard]]:
    """The guards that read importances, with their places in the recipe."""
    for number, guard in enumerate(recipe.guards):
        if guard.kind == "penalty" or guard.kind == "mask":
            yield number, guard
