"""What one `importance` job does: a trained stage and its own questions -> an importance file."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from continual_vqa.backbones.base import Backbone, Batch
from continual_vqa.backbones.tensor_file import write_tensors
from continual_vqa.config.block import Block
from continual_vqa.config.importance import ImportanceConfig
from continual_vqa.config.shards import ShardsConfig
from continual_vqa.config.training import TrainingConfig
from continual_vqa.consolidation.importance import ImportanceSums, parts_of
from continual_vqa.consolidation.importance_file import Share, header
from continual_vqa.errors import UserError
from continual_vqa.files.hashing import sha256_bytes, sha256_file
from continual_vqa.files.progress import Progress
from continual_vqa.methods.parameters import trained_names
from continual_vqa.shards.order import epoch_order
from continual_vqa.shards.reader import open_cells
from continual_vqa.shards.tables import INDEX_FILE
from continual_vqa.training.checkpoint import BASE
from continual_vqa.training.examples import Examples
from continual_vqa.training.finished import Finished
from continual_vqa.training.inflight import InFlight, Request
from continual_vqa.training.loading import load_model
from continual_vqa.training.ranks import ALONE, Ranks
from continual_vqa.training.seeds import derived, uniforms
from continual_vqa.training.settings import StageIdentity
from continual_vqa.training.stage import segments_of

# Longest answer that is sampled from the model, in tokens (choice of this project).
SAMPLED_TOKENS = 10


class ImportanceSettings(Block):
    """The settings of one `importance` job."""

    stage: StageIdentity
    importance: ImportanceConfig = ImportanceConfig()
    training: TrainingConfig = TrainingConfig()
    shards: ShardsConfig = ShardsConfig()


@dataclass(frozen=True, slots=True)
class ImportanceFiles:
    """Where a measurement's inputs and output lie; `model` is a checkpoint, None for the base."""

    base: Path
    model: Path | None
    cells: Mapping[str, Path]
    scratch: Path
    out: Path


def measure_importance(
    files: ImportanceFiles,
    settings: ImportanceSettings,
    device: torch.device,
    *,
    share: Share | None = None,
    request: Request | None = None,
    workers: int = 0,
    stop_after: int = 0,
    ranks: Ranks = ALONE,
    code: str = "",
) -> dict[str, object]:
    """Measure the importance of the stage's trained weights and write it; returns a summary.

    What the same code has measured on the same inputs before is put back, not measured again.

    Parameters
    ----------
    share : the part of the samples that is measured in this job; None: all
    request : set by a signal handler when the job has to stop
    workers : threads that decode images
    stop_after : for tests: stop as if by a signal after so many batches
    ranks : the processes that share the samples of this job; the first of them writes
    code : fingerprint of the code; "": what was measured before is not looked for

    Raises
    ------
    Interrupted : stopped; the state is in `files.scratch` and the same call continues
    UserError : bad settings, cells, base or model; or no question to measure with
    """
    begun = time.perf_counter()
    stage, config, share = settings.stage, settings.importance, share or Share()
    model, base_sha256, _ = load_model(files.base, files.model, device)
    key = _key(files, settings, base_sha256, share, code)
    finished = Finished(files.scratch, key if code else "")
    (there,) = ranks.any((ranks.first and finished.put_back({"importance": files.out}),), device)
    if there:
        known = {"measured": "before, by the same code", "importance": str(files.out)}
        return {"task": stage.task, **known}
    names = trained_names(model, stage.recipe.tune)
    draws = training_draws(files.cells, settings)
    chosen = chosen_questions(len(draws), settings)
    own = share.among(ranks.rank, ranks.size)
    batches = shared_out(np.arange(len(chosen)), config, own)
    questions = Examples(
        list(files.cells.values()),
        model,
        settings.training,
        settings.shards,
        sees=stage.recipe.sees,
        workers=workers,
        only=chosen.tolist(),
    )
    measured = ImportanceSums(model, names, config)
    inflight = InFlight(
        files.scratch,
        _key(files, settings, base_sha256, own, code),
        settings.training.save_every_minutes,
        request or Request(),
        stop_after,
        ranks.rank,
    )
    sampling = uniforms(len(draws) * SAMPLED_TOKENS, _seed(stage, "answers"), 0)
    sampling = sampling.reshape(-1, SAMPLED_TOKENS)[chosen]

    def stream(begin: int) -> Iterator[Batch]:
        found = questions.stream(batches[begin:], draws[chosen])
        for numbers, (batch, _) in zip(batches[begin:], found, strict=True):
            sampled = config.labels == "model"
            yield _answered_by_the_model(model, batch, sampling[numbers]) if sampled else batch

    _measure(measured, stream, len(batches), inflight, f"importance {stage.task}", ranks)
    count = int(ranks.total(sum(map(len, batches)), device))
    for total in measured.sums.values():
        ranks.add(total)
    _refuse_what_is_not_finite(measured, files)
    if ranks.first:
        content = header(
            base_sha256=base_sha256,
            stage=stage.id,
            task=stage.task,
            step=stage.step,
            parts=parts_of(model, names),
            settings=config,
            count=count,
            share=share,
        )
        write_tensors(files.out, measured.sums, content)
        finished.keep({"importance": files.out})
        inflight.clear()
    seconds = time.perf_counter() - begun
    return {
        "task": stage.task,
        "questions": count,
        **({"processes": ranks.size} if ranks.size > 1 else {}),
        "available": len(draws),
        "asked_for": config.samples or "all",
        "seconds": round(seconds, 2),
        "samples_per_second": round(count / seconds, 1),
        "importance": str(files.out),
    }


def _measure(
    measured: ImportanceSums,
    stream: Callable[[int], Iterator[Batch]],
    total: int,
    inflight: InFlight,
    label: str,
    ranks: Ranks,
) -> None:
    """Add up this rank's `total` batches, of which `stream` gives those from a number on."""
    begin = _resume(inflight, measured)
    progress = Progress(total, label, quiet=not ranks.first)
    progress.advance(begin)
    batches = stream(begin)
    device = next(iter(measured.sums.values())).device
    # A rank may have a batch less than another, or have saved earlier than it before a crash.
    for done in range(begin, begin + ranks.most(total - begin, device)):
        if done < total:
            measured.add(next(batches))
            progress.advance(1)
        # All ranks decide alike: a signal may reach them at different batches.
        stop, late = ranks.any((inflight.asked(done + 1), inflight.late()), device)
        if stop or late:
            inflight.save({"batches": min(done + 1, total)}, measured.sums)
        if stop:
            # torchrun ends all processes with the first that ends: none may before all have saved.
            ranks.wait(device)
            inflight.stop(min(done + 1, total))
    progress.close()


def training_draws(cells: Mapping[str, Path], settings: ImportanceSettings) -> np.ndarray:
    """The uniform number of every question of `cells` that picks its answer in training's epoch 0.

    In the order of the cells; see `training.loop`, which draws segment by segment.
    """
    stage = settings.stage
    drawn = []
    for name, folders in segments_of(cells, stage.task, settings.training.schedule).items():
        seed = derived(stage.seed, stage.task, stage.step, name)
        drawn.append(uniforms(len(open_cells(folders)), seed, 0))
    return np.concatenate(drawn)


def chosen_questions(available: int, settings: ImportanceSettings) -> np.ndarray:
    """The numbers of the questions that are measured: the first of the seed's permutation.

    Raises
    ------
    UserError : none is available
    """
    if not available:
        raise UserError(
            "hold no question to measure importance with", where="--cells", expected="at least one"
        )
    order = epoch_order(available, _seed(settings.stage, "questions"), 0)
    return order[: settings.importance.samples or None]


def shared_out(chosen: np.ndarray, config: ImportanceConfig, share: Share) -> list[np.ndarray]:
    """The batches of one rank.

    Every world-th sample; with gradients: batch every world-th batch, since there a batch is what
    is measured. Either way the ranks together measure what one would.
    """
    cuts = range(config.batch_size, len(chosen), config.batch_size)
    if config.gradients == "batch":
        return np.split(chosen, cuts)[share.rank :: share.world]
    own = chosen[share.rank :: share.world]
    cuts = range(config.batch_size, len(own), config.batch_size)
    return np.split(own, cuts) if len(own) else []


def _answered_by_the_model(model: Backbone, batch: Batch, numbers: np.ndarray) -> Batch:
    drawn = torch.from_numpy(np.ascontiguousarray(numbers)).to(batch.questions.device)
    return replace(batch, answers=model.sample(batch, drawn), labels=None)


def _resume(inflight: InFlight, measured: ImportanceSums) -> int:
    """Batches already done, their sums put back."""
    found = inflight.find()
    if found is None:
        return 0
    place, tensors = found
    for name, total in measured.sums.items():
        total.copy_(tensors[name])
    return place["batches"]


def _refuse_what_is_not_finite(measured: ImportanceSums, files: ImportanceFiles) -> None:
    for name, total in measured.sums.items():
        if not torch.isfinite(total).all():
            raise UserError(
                f"the importance of {name} is not finite",
                where=files.model or files.base,
                do="look at the stage's training curve, or set importance.precision to fp32",
            )


def _seed(stage: StageIdentity, what: str) -> int:
    return derived(stage.seed, stage.task, stage.step, "importance", what)


def _key(
    files: ImportanceFiles, settings: ImportanceSettings, base_sha256: str, share: Share, code: str
) -> str:
    """What an in-flight state must agree with: settings, base, model, data, share and code."""
    work = {
        "settings": settings.model_dump(mode="json"),
        "base": base_sha256,
        "model": sha256_file(files.model) if files.model else BASE,
        "cells": [[n, sha256_file(f / INDEX_FILE)] for n, f in files.cells.items()],
        "share": [share.rank, share.world],
        "code": code,
    }
    return sha256_bytes(json.dumps(work, sort_keys=True).encode())
