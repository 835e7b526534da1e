"""The plan of a study: every run, every stage and what each needs, from the config alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from continual_vqa.config.recipe import Recipe
from continual_vqa.config.recipes import RECIPES
from continual_vqa.config.study import Study
from continual_vqa.config.taxonomy import TaxonomyNames, taxonomy_names
from continual_vqa.plan.paths import Paths
from continual_vqa.plan.stages import Stage, stages_of
from continual_vqa.plan.streams import STANDARD, Stream, make_stream


@dataclass(frozen=True)
class Run:
    """One recipe on one stream with one seed."""

    recipe: str
    stream: Stream
    seed: int
    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class Plan:
    """All that a study will do."""

    study: Study

    @cached_property
    def paths(self) -> Paths:
        return Paths(f"{self.study.results}/{self.study.name}")

    @cached_property
    def taxonomy(self) -> TaxonomyNames:
        return taxonomy_names(self.study.data.taxonomy)

    @cached_property
    def recipes(self) -> Mapping[str, Recipe]:
        known = {**RECIPES, **self.study.custom_recipes}
        return {name: known[name] for name in self.study.recipes}

    @cached_property
    def skills(self) -> tuple[str, ...]:
        """The skills that are learned, in the taxonomy's order."""
        chosen = self.study.stream.skills
        return tuple(s for s in self.taxonomy.skills if chosen == "all" or s in chosen)

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """The concept groups that are used, in the taxonomy's order."""
        chosen = self.study.stream.groups
        return tuple(g for g in self.taxonomy.groups if chosen == "all" or g in chosen)

    @cached_property
    def streams(self) -> tuple[Stream, ...]:
        return tuple(
            make_stream(order, held_out, self.skills, self.groups)
            for order in self.study.stream.orders
            for held_out in self.study.stream.held_out
        )

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        evaluation = self.study.evaluation
        return tuple(
            Run(
                name,
                stream,
                seed,
                stages_of(
                    stream,
                    recipe,
                    seed,
                    test_split=evaluation.split,
                    test_future=evaluation.tasks == "all",
                ),
            )
            for stream in self.streams
            for seed in self.study.seeds
            for name, recipe in self.recipes.items()
        )

    @cached_property
    def stages(self) -> dict[str, Stage]:
        """Every stage once, by id: runs that share work share stages."""
        return {stage.id: stage for run in self.runs for stage in run.stages}

    @cached_property
    def cells(self) -> tuple[str, ...]:
        """Every cell that some stage trains on or is tested on."""
        used = {c for s in self.stages.values() for c in (*s.cells, *s.test_cells)}
        return tuple(sorted(used))

    @cached_property
    def scored_runs(self) -> list[dict[str, object]]:
        """One row per score file and run that it belongs to: what `aggregate` reads."""
        return [
            {
                "path": self.paths.scores.format(stage=stage.id),
                "study": self.study.name,
                "recipe": run.recipe,
                "title": self.recipes[run.recipe].title or run.recipe,
                "schedule": self.recipes[run.recipe].schedule,
                "stream": run.stream.name,
                "order": run.stream.order,
                "held_out": run.stream.held_out,
                "seed": run.seed,
                "step": stage.step,
                "task": stage.task,
            }
            for run in self.runs
            for stage in run.stages
        ]

    @cached_property
    def identity(self) -> dict[str, object]:
        """What the figures need to know of the study beside the metrics."""
        return {
            "skills": list(self.skills),
            "groups": list(self.groups),
            "composition_skills": [s for s in self.skills if s in self.taxonomy.composition_skills],
            "tasks": {s.name: [t.name for t in s.tasks] for s in self.streams},
            "standard": STANDARD,
        }
