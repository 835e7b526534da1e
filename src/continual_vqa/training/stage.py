"""What one `train` job does: base and start -> groups in order -> checkpoint and curve."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from continual_vqa.backbones.base import Backbone
from continual_vqa.config.tasks import belongs, is_cell
from continual_vqa.config.training import TrainingConfig
from continual_vqa.errors import UserError
from continual_vqa.files.hashing import sha256_bytes, sha256_file
from continual_vqa.methods.guards import GuardFiles, guards_of
from continual_vqa.methods.parameters import FlatParameters, trained_names, trained_parameters
from continual_vqa.shards.reader import open_cells
from continual_vqa.shards.tables import INDEX_FILE
from continual_vqa.training.alignment import write_alignment
from continual_vqa.training.checkpoint import BASE, write_checkpoint
from continual_vqa.training.curve import write_curve
from continual_vqa.training.examples import Examples
from continual_vqa.training.finished import Finished
from continual_vqa.training.inflight import InFlight, Request
from continual_vqa.training.loading import Fresh, load_model
from continual_vqa.training.loop import Loop, Pace, Segment
from continual_vqa.training.optimiser import AdamW
from continual_vqa.training.ranks import ALONE, Ranks
from continual_vqa.training.rehearsal import Kept, Rehearsal
from continual_vqa.training.seeds import derived
from continual_vqa.training.settings import JOINT, StageIdentity, TrainSettings
from continual_vqa.training.sharding import held_bytes, shard_frozen
from continual_vqa.training.stored_logits import fixed_answers


@dataclass(frozen=True, slots=True)
class StageFiles:
    """Where a stage's inputs and outputs lie; `start` is a checkpoint, or None for the base.

    `guards` are the files that the recipe's guards read; `memory` lists the replayed questions, of
    the cells `memory_cells`, and `logits` are stored for them. `alignment` is what align guards
    saw, written where it is asked for.
    """

    base: Path
    start: Path | None
    cells: Mapping[str, Path]
    scratch: Path
    out: Path
    curve: Path
    guards: GuardFiles = field(default_factory=GuardFiles)
    memory: Path | None = None
    memory_cells: Mapping[str, Path] = field(default_factory=dict)
    logits: Sequence[Path] = ()
    alignment: Path | None = None

    @property
    def outputs(self) -> dict[str, Path]:
        """What the stage writes, by name."""
        named = {"model": self.out, "curve": self.curve, "alignment": self.alignment}
        return {name: path for name, path in named.items() if path}

    def kept(self, load: Callable[[Path], Backbone]) -> Kept:
        """What is replayed; `load` reads the model before the stage."""
        path = self.guards.teacher
        teacher = (lambda: load(path)) if path else None
        return Kept(self.memory, self.memory_cells, self.logits, teacher)


def train_stage(
    files: StageFiles,
    settings: TrainSettings,
    device: torch.device,
    *,
    request: Request | None = None,
    workers: int = 0,
    stop_after: int = 0,
    ranks: Ranks = ALONE,
    sharded: bool = False,
    code: str = "",
) -> dict[str, object]:
    """Train one stage and write its checkpoint and curve; returns a summary.

    What the same code has made of the same inputs before is put back, not made again.

    Parameters
    ----------
    request : set by a signal handler when the job has to stop
    workers : threads that decode images
    stop_after : for tests: stop as if by a signal after so many steps
    ranks : the processes that train the stage together; the first of them writes
    sharded : whether they keep frozen weights and the optimiser's moments between them
    code : fingerprint of the code; "": what was made before is not looked for

    Raises
    ------
    Interrupted : stopped; the state is in `files.scratch` and the same call continues
    UserError : bad settings, cells, base or start
    """
    begun = time.perf_counter()
    stage, training = settings.stage, settings.training
    groups = segments_of(
        files.cells, stage.task, "per_stage" if stage.questions else training.schedule
    )
    # What is to be spread over the ranks need not fit one GPU.
    place = torch.device("cpu") if sharded else device
    model, base_sha256, _ = load_model(
        files.base, files.start, place, stack=files.guards.stack, fresh=Fresh.of(stage)
    )
    key = _key(files, settings, base_sha256, code)
    finished = Finished(files.scratch, key if code else "")
    (there,) = ranks.any((ranks.first and finished.put_back(files.outputs),), device)
    if there:
        return {"task": stage.task, "trained": "before, by the same code", "model": str(files.out)}
    if sharded:
        shard_frozen(model, trained_names(model, stage.recipe.tune), ranks, device)

    @cache
    def teacher(path: Path) -> Backbone:
        known = load_model(files.base, path, place)[0].eval().requires_grad_(False)
        if sharded:
            shard_frozen(known, (), ranks, device)
        return known

    parameters = trained_parameters(model, stage.recipe.tune)
    guards = guards_of(
        stage.recipe,
        files.guards,
        base_sha256,
        teacher,
        stage.phase,
    )
    for guard in guards:
        guard.before_stage(model, parameters)

    def examples(
        folders: Sequence[Path], only: Sequence[int] | None = None, *, fixed: bool = False
    ) -> Examples:
        return Examples(
            folders,
            model,
            fixed_answers(training) if fixed else training,
            settings.shards,
            sees=stage.recipe.sees,
            workers=workers,
            only=only,
        )

    rehearsal = Rehearsal(files.kept(teacher), stage.recipe, base_sha256, examples)
    segments = []
    for name, folders in groups.items():
        seed = derived(stage.seed, stage.task, stage.step, name)
        source = examples(folders, drawn_questions(folders, stage))
        segments.append(Segment(name, source, seed, rehearsal.beside(name, source)))
    inflight = InFlight(
        files.scratch,
        key,
        training.save_every_minutes,
        request or Request(),
        stop_after,
    )
    loop = Loop(
        model,
        parameters,
        pace_of(training),
        guards,
        inflight,
        f"train {stage.task}",
        rates=rates_of(parameters.names, stage),
        ranks=ranks,
        sharded=sharded,
    )
    curve = loop.run(segments)
    if ranks.first:
        write_checkpoint(
            files.out,
            kept_tensors(model, parameters),
            model,
            base_sha256=base_sha256,
            recipe=stage.recipe.model_dump(mode="json"),
            stage=stage.id,
            task=stage.task,
            step=stage.step,
        )
        note = {"stage": stage.id, "task": stage.task}
        write_curve(files.curve, curve, note)
        if files.alignment:
            write_alignment(files.alignment, loop.alignment, note)
        finished.keep(files.outputs)
        inflight.clear()
    samples = sum(len(segment.source) for segment in segments)
    seconds = time.perf_counter() - begun
    return {
        "task": stage.task,
        "groups": " ".join(groups),
        "questions": samples,
        "steps": len(curve),
        **(_held(model, parameters, ranks, sharded) if ranks.size > 1 else {}),
        "loss": round(curve[-1].loss, 4) if curve else None,
        "seconds": round(seconds, 2),
        "samples_per_second": round(samples * training.epochs / seconds, 1),
        "model": str(files.out),
    }


def _held(
    model: Backbone, parameters: FlatParameters, ranks: Ranks, sharded: bool
) -> dict[str, object]:
    """The number of processes, and what each holds: weights, gradient and the two moments."""
    n, size = len(parameters.values), parameters.values.element_size()
    own = ranks.place(n) if sharded else slice(0, n)
    state = (n + 2 * (own.stop - own.start)) * size
    return {"processes": ranks.size, "bytes_each": held_bytes(model) + state}


def drawn_questions(folders: Sequence[Path], stage: StageIdentity) -> list[int] | None:
    """The numbers, ascending, of the questions of a low-shot stage; None: it trains on all.

    They depend on the run's seed and the task alone, so that all methods see the same.

    Raises
    ------
    UserError : the cells hold fewer questions
    """
    if not stage.questions:
        return None
    total = len(open_cells(folders, verify="never"))
    if stage.questions > total:
        raise UserError(
            f"the cells of {stage.task} hold {total:,} training questions",
            where="stream.downstream_questions",
            expected=f"{total:,} at most, or 0 for all; it is {stage.questions:,}",
        )
    generator = np.random.default_rng(derived(stage.seed, stage.task, "questions"))
    return sorted(generator.permutation(total)[: stage.questions].tolist())


def kept_tensors(model: Backbone, parameters: FlatParameters) -> dict[str, Tensor]:
    """What a checkpoint holds: the trained tensors, and what else of a bank is the task's own."""
    own = dict(model.named_parameters())
    kept = [*model.bank.own, *model.heads()] if model.bank else ()
    return {**{name: own[name].detach() for name in kept}, **parameters.tensors()}


def rates_of(names: Sequence[str], stage: StageIdentity) -> dict[str, float]:
    """Learning rates, as factors, of the tensors `names` that have one of their own."""
    bank = stage.recipe.bank
    if bank is None or stage.phase != "experience":
        return {}
    return {name: bank.query_lr for name in names if ".queries." in name}


def pace_of(training: TrainingConfig) -> Pace:
    """The loop's constants from the config block."""
    adamw = AdamW(
        training.lr,
        training.beta1,
        training.beta2,
        training.eps,
        training.weight_decay,
        training.clip,
    )
    return Pace(
        training.epochs,
        training.batch_size,
        training.warmup,
        adamw,
        training.accumulation,
        training.precision,
        training.fall,
        training.vision_lr / training.lr if training.vision_lr else 1.0,
    )


def segments_of(cells: Mapping[str, Path], task: str, schedule: str) -> dict[str, list[Path]]:
    """Segment name -> its cells' folders, in training order.

    Raises
    ------
    UserError : no cell, or cells of another task
    """
    if not cells:
        raise UserError("no cell was given", where="--cells", expected="at least one")
    if task == JOINT or schedule == "per_stage":
        return {"all": list(cells.values())}
    foreign = [name for name in cells if not belongs(name, task)]
    if foreign:
        raise UserError(
            f"{', '.join(foreign)} do not belong to task {task!r}",
            where="--cells",
            expected=f"cells of {task}, named split/skill/group",
        )
    if is_cell(task):
        # A single cell is no sequence of groups: what is replayed beside it is of every group.
        return {"all": list(cells.values())}
    return {name.split("/")[2]: [folder] for name, folder in cells.items()}


def _key(files: StageFiles, settings: TrainSettings, base_sha256: str, code: str) -> str:
    """What an in-flight state must agree with: settings, base, start, data and code."""
    cells = [*files.cells.items(), *files.memory_cells.items()]
    guards = files.guards
    others = [*guards.masks, *guards.importances, guards.teacher, *guards.stack, files.memory]
    others += files.logits
    work = {
        "settings": settings.model_dump(mode="json"),
        "base": base_sha256,
        "start": sha256_file(files.start) if files.start else BASE,
        "cells": [[n, sha256_file(f / INDEX_FILE)] for n, f in cells],
        "others": [sha256_file(path) if path else "" for path in others],
        "code": code,
    }
    return sha256_bytes(json.dumps(work, sort_keys=True).encode())
