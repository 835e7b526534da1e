"""The plan of a study: every run, every stage and what each needs, from the config alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from continual_vqa.config.layouts import MULTIMODAL
from continual_vqa.config.mix import modality_of, names_of
from continual_vqa.config.orders import CHAINS, Similarity, read_similarity
from continual_vqa.config.recipe import Recipe
from continual_vqa.config.recipes import RECIPES
from continual_vqa.config.taxonomy import TaxonomyNames
from continual_vqa.config.training import TrainingConfig
from continual_vqa.plan import listings
from continual_vqa.plan.answers import Answers, Words, answers_of, transfers_of
from continual_vqa.plan.beside import all_or, keys_told, published_files
from continual_vqa.plan.comparisons import suited
from continual_vqa.plan.consolidation import (
    Importance,
    Logits,
    Mask,
    Memory,
    importances_of,
    inputs_of,
    logits_of,
    masks_of,
    memory_of,
)
from continual_vqa.plan.listings import Run
from continual_vqa.plan.materials import Materials
from continual_vqa.plan.probes import Probe, probes_of
from continual_vqa.plan.reporting import TABLES, FigureRow, TableRow
from continual_vqa.plan.stages import Merge, Stage, Weights, course_of
from continual_vqa.plan.streams import STANDARD, Stream, make_stream


@dataclass(frozen=True)
class Plan(Materials):
    """All that a study will do."""

    @cached_property
    def taxonomy(self) -> TaxonomyNames:
        return names_of(self.study.data)

    @cached_property
    def recipes(self) -> Mapping[str, Recipe]:
        known = {**RECIPES, **self.study.custom_recipes}
        return {name: known[name] for name in self.study.recipes}

    @cached_property
    def skills(self) -> tuple[str, ...]:
        """The skills of the stream, in the taxonomy's order."""
        chosen, later = self.study.stream.skills, self.downstream
        known = (skill for skill in self.taxonomy.skills if skill not in later)
        return tuple(skill for skill in known if chosen == "all" or skill in chosen)

    @property
    def downstream(self) -> tuple[str, ...]:
        """The skills that are learned after the stream, each by itself."""
        return self.study.stream.downstream

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """The concept groups that are used, in the taxonomy's order."""
        chosen = self.study.stream.groups
        return tuple(g for g in self.taxonomy.groups if chosen == "all" or g in chosen)

    @cached_property
    def _similarity(self) -> Similarity:
        return read_similarity(self.study.stream.similarity)

    @cached_property
    def streams(self) -> tuple[Stream, ...]:
        return tuple(
            make_stream(
                order,
                held_out,
                self.skills,
                self.groups,
                tasks=self.study.stream.tasks,
                relabelings=self.study.stream.relabelings,
                similarity=self._similarity if order in CHAINS else None,
                multimodal=lambda skill: modality_of(self.study.data, skill) == MULTIMODAL,
                downstream=self.downstream,
            )
            for order in self.study.stream.orders
            for held_out in self.study.stream.held_out
        )

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        return tuple(
            self._run(name, recipe, stream, seed)
            for stream in self.streams
            for seed in self.study.seeds
            for name, recipe in self.recipes.items()
        )

    def _run(self, name: str, recipe: Recipe, stream: Stream, seed: int) -> Run:
        chosen = self.study.stream
        course = course_of(stream, recipe, seed, questions=chosen.downstream_questions)
        answers = answers_of(stream, recipe, course, self.study.evaluation)
        transfers = transfers_of(course, self.study.evaluation)
        return Run(name, stream, seed, course, answers, transfers)

    @cached_property
    def stages(self) -> dict[str, Stage]:
        """Every training job once, by id: runs that share work share stages."""
        return {job.id: job for run in self.runs for stage in run.ends for job in stage.jobs}

    @cached_property
    def merges(self) -> dict[str, Merge]:
        """Every merge once, by id."""
        deployed = (weights for run in self.runs for weights in run.course.deployed)
        return {weights.id: weights for weights in deployed if isinstance(weights, Merge)}

    @cached_property
    def drifts(self) -> list[str]:
        """The reports on how far merges are from what they are made of."""
        if not self.study.merging.drift_questions:
            return []
        return [self.paths.drift.format(merge=merge) for merge in self.merges]

    @cached_property
    def answers(self) -> dict[str, Answers]:
        """All answers once, by id."""
        return {a.id: a for run in self.runs for a in run.all_answers}

    @cached_property
    def words(self) -> dict[str, Words]:
        """The words of every task that is told apart from others, once, by id."""
        return {words.id: words for a in self.answers.values() for words in a.words}

    @cached_property
    def importances(self) -> dict[str, Importance]:
        """Every measurement of importance once, by path."""
        direct = (i for stage in self.stages.values() for i in importances_of(stage))
        masked = (i for mask in self.masks.values() for i in mask.importances)
        return {i.path(self.paths): i for i in (*direct, *masked)}

    @cached_property
    def masks(self) -> dict[str, Mask]:
        """Every mask once, by path."""
        found = (mask for stage in self.stages.values() for mask in masks_of(stage))
        return {mask.path(self.paths): mask for mask in found}

    @cached_property
    def memories(self) -> dict[str, Memory]:
        """Every memory once, by id."""
        found = (memory_of(stage) for stage in self.stages.values())
        stored = (logits.memory for logits in self.logits.values())
        return {memory.id: memory for memory in (*found, *stored) if memory}

    @cached_property
    def herded(self) -> list[str]:
        """The cells whose questions are herded: those of all memories, where one is chosen so."""
        if self.study.replay.choice != "herding":
            return []
        return sorted({cell for memory in self.memories.values() for cell in memory.cells})

    @cached_property
    def logits(self) -> dict[str, Logits]:
        """Every file of stored logits once, by path."""
        found = (logits for stage in self.stages.values() for logits in logits_of(stage))
        return {logits.path(self.paths): logits for logits in found}

    def guard_inputs(self, stage: Stage) -> dict[str, list[str]]:
        """The files of earlier stages that training a stage reads, by the verb's option."""
        return inputs_of(stage, self.paths)

    def guard_arguments(self, stage: Stage) -> list[str]:
        """`guard_inputs`, and the cells of the replayed questions, as options of the verb."""
        arguments = [a for o, files in self.guard_inputs(stage).items() for a in (f"--{o}", *files)]
        if memory := memory_of(stage):
            arguments += ["--memory-cells", *self.cell_arguments(memory.cells)]
        return arguments

    @cached_property
    def cells(self) -> tuple[str, ...]:
        """Every cell that some stage trains on or is tested on."""
        users = (*self.stages.values(), *self.answers.values())
        used = {cell for user in users for cell in user.cells}
        return tuple(sorted(used))

    @cached_property
    def _cells_by_skill(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for cell in self.cells:
            found.setdefault(cell.rpartition("/")[0], []).append(cell)
        return found

    def cells_of(self, skill: str) -> list[str]:
        """The used cells of "split/skill"."""
        return self._cells_by_skill[skill]

    def skills_of(self, cells: Sequence[str]) -> list[str]:
        """The "split/skill" of `cells`, each once, in their order."""
        return list(dict.fromkeys(cell.rpartition("/")[0] for cell in cells))

    @cached_property
    def scored_runs(self) -> list[dict[str, object]]:
        """One row per score file and run that it belongs to: what `aggregate` reads."""
        return listings.scored(self.runs, self.recipes, self.paths, self.study.name)

    @cached_property
    def transferred(self) -> list[dict[str, object]]:
        """One row per run and downstream task: what `transfer` reads."""
        return listings.transferred(self.runs, self.recipes, self.paths)

    @cached_property
    def surveyed(self) -> list[dict[str, object]]:
        """One row per importance and run that reads it: what `survey` reads."""
        return listings.surveyed(self.runs, self.recipes, self.paths)

    @cached_property
    def merged(self) -> list[dict[str, object]]:
        """One row per stage of a run that aligns or is merged: what `merges` reads."""
        return listings.merged(self.runs, self.paths)

    @cached_property
    def routed(self) -> list[dict[str, object]]:
        """One row per step of a run whose questions are routed: what `routing` reads."""
        return listings.routed(self.runs, self.paths)

    @cached_property
    def banks(self) -> dict[str, Answers]:
        """Last stage of a task of a bank of adapters -> that stage and the task's own tests."""
        split = self.study.evaluation.split
        return {
            stage.id: Answers(stage, run.stream.test_cells(split, stage.step, stage.step))
            for run in self.runs
            if self.recipes[run.recipe].bank
            for stage in run.stages
        }

    @cached_property
    def banked(self) -> list[dict[str, object]]:
        """One row per step of every run, where some recipe has a bank: what `banks` reads."""
        return listings.banked(self.runs, self.recipes, self.paths) if self.banks else []

    @cached_property
    def probed(self) -> tuple[Run, ...]:
        """The runs whose damage is traced to the parts of the model."""
        named = self.study.probe.recipes
        chosen = self.suited("") if named == "all" else named
        return tuple(
            run
            for run in self.runs
            if run.recipe in chosen
            and run.stream.held_out == STANDARD
            and self.recipes[run.recipe].answers_alone
        )

    @cached_property
    def probes(self) -> dict[str, Probe]:
        """Every probe once, by id."""
        return {probe.id: probe for run in self.probed for probe in probes_of(run.answers)}

    @cached_property
    def damage_runs(self) -> list[dict[str, object]]:
        """One row per probed run, earlier task and restored part: what `damage` reads."""
        return listings.damage(self.probed, self.paths)

    def earlier_arguments(self, probe: Probe) -> list[str]:
        """TASK=FILE arguments: the model right after each earlier task."""
        models = [(past.stage.task, past.path(self.paths)) for past in probe.past]
        return [f"{task}={path}" for task, path in models]

    def suited(self, need: str) -> list[str]:
        """The continual recipes that have what a figure or table needs."""
        probed = [run.recipe for run in self.probed] if need == "probe" else []
        return suited(need, self.recipes, probed)

    def drawn(self, row: FigureRow) -> list[tuple[str, str]]:
        """The (stream, recipe) pairs for which a figure is drawn; recipe "" when it shows all."""
        recipes = self.suited(row.needs)
        if (row.needs and not recipes) or (row.published and not self.study.published):
            return []
        shown = recipes if row.per_recipe else [""]
        return [(s, r) for s in row.streams(self.streams) for r in shown]

    def read_by(self, row: FigureRow | TableRow) -> dict[str, str]:
        """The tables that a figure or table reads, by the verb's option."""
        further = {name: self.paths.study_table.format(table=name) for name in row.reads}
        return {"metrics": self.paths.metrics, "summary": self.paths.summary, **further}

    @cached_property
    def tables(self) -> dict[str, TableRow]:
        """The tables of the study, by name."""
        fitting = {n: r for n, r in TABLES.items() if r.fits(self.streams)}
        suiting = {n: r for n, r in fitting.items() if not r.needs or self.suited(r.needs)}
        return {n: r for n, r in suiting.items() if not r.published or self.study.published}

    def published_by(self, row: FigureRow | TableRow) -> list[str]:
        """The files of published numbers that a figure or table puts beside the study's."""
        return published_files(self.study) if row.published else []

    def told(self, row: FigureRow | TableRow) -> str:
        """What the config holds of the keys that these files ask for, as a JSON object."""
        if not row.published:
            return "{}"
        told = {
            "stream.skills": all_or(self.skills, self.taxonomy.skills),
            "stream.groups": all_or(self.groups, self.taxonomy.groups),
        }
        return keys_told(self.study, told)

    def stage_settings(self, weights: Weights) -> dict[str, object]:
        """What the training, predicting and merging verbs need to know of a stage."""
        stage = weights.stage
        return {
            "id": weights.id,
            "step": stage.step,
            "task": stage.task,
            "seed": stage.seed,
            "recipe": stage.slots,
            **({"phase": stage.phase} if stage.recipe.bank else {}),
            **({"questions": stage.questions} if stage.questions else {}),
        }

    def training_of(self, stage: Stage) -> TrainingConfig:
        """How a stage is trained: low-shot ones may have epochs of their own."""
        epochs = self.study.stream.downstream_epochs if stage.questions else 0
        training = self.study.training
        return training.model_copy(update={"epochs": epochs}) if epochs else training

    def cell_arguments(self, cells: Sequence[str]) -> list[str]:
        """Cells as NAME=FOLDER arguments, in the given order."""
        return [f"{cell}={self.paths.cell.format(cell=cell)}" for cell in cells]

    @cached_property
    def identity(self) -> dict[str, object]:
        """What the figures need to know of the study beside the metrics."""
        return {
            "skills": list(self.skills),
            "groups": list(self.groups),
            "composition_skills": [s for s in self.skills if s in self.taxonomy.composition_skills],
            "tasks": {s.name: [t.name for t in s.tasks] for s in self.streams},
            "cells": {t.name: list(t.cells) for t in self.streams[0].tasks},
            "standard": STANDARD,
        }
