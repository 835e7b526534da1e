"""Logits that a stage's model gives to the questions that its task keeps, stored for replay.

Source: Buzzega et al., NeurIPS 2020 (DER). They are stored once, when the task has been learned, of
the most frequent answer of each question, token by token (teacher forcing): choices of this
project. A question is named by its cell and its number therein, as the memory names it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from continual_vqa.backbones.tensor_file import read_tensors, write_tensors
from continual_vqa.config.block import Block
from continual_vqa.config.shards import ShardsConfig
from continual_vqa.config.training import TrainingConfig
from continual_vqa.errors import UserError
from continual_vqa.files.hashing import sha256_file
from continual_vqa.files.jsons import parse_text
from continual_vqa.files.progress import Progress
from continual_vqa.shards.tables import INDEX_FILE
from continual_vqa.training.examples import Examples
from continual_vqa.training.loading import load_model
from continual_vqa.training.memory import Key, read_memory
from continual_vqa.training.settings import StageIdentity

FORMAT = "continual-vqa logits 1"
# Of one question: logits (L, K) of each token of its answer, and which of the vocabulary they are;
# None: all.
Row = tuple[Tensor, Tensor | None]


class LogitsSettings(Block):
    """The settings of one `logits` job."""

    stage: StageIdentity
    top: Annotated[int, Field(ge=0, description="Logits stored of every answer token; 0: all.")] = 0
    training: TrainingConfig = TrainingConfig()
    shards: ShardsConfig = ShardsConfig()


@dataclass(frozen=True, slots=True)
class LogitsFiles:
    """Where a job's inputs and output lie; `model` is a checkpoint, None for the base.

    `cells` are the task's training cells; of the memory only their questions are looked at.
    """

    base: Path
    model: Path | None
    stack: Sequence[Path]
    memory: Path
    cells: Mapping[str, Path]
    out: Path


@torch.inference_mode()
def store_logits(
    files: LogitsFiles, settings: LogitsSettings, device: torch.device, *, workers: int = 0
) -> dict[str, object]:
    """Write the logits of the task's kept questions; returns a summary.

    Raises
    ------
    UserError : bad settings, memory, cells, base or model; or the memory has no question of them
    """
    begun = time.perf_counter()
    model, base_sha256, _ = load_model(files.base, files.model, device, stack=files.stack)
    model.eval()
    kept = read_memory(files.memory, files.cells, only=True)
    if not kept:
        raise UserError(
            "keeps no question of the given cells", where=files.memory, expected="at least one"
        )
    training = fixed_answers(settings.training)
    shown = Progress(sum(len(one.numbers) for one in kept), f"logits {settings.stage.task}")
    keys: list[Key] = []
    rows: list[Tensor] = []
    for one in kept:
        examples = Examples(
            [one.folder],
            model,
            training,
            settings.shards,
            sees=settings.stage.recipe.sees,
            workers=workers,
            only=one.numbers,
        )
        batches = np.split(
            np.arange(len(examples)), range(training.batch_size, len(examples), training.batch_size)
        )
        for batch, _ in examples.stream(batches, np.zeros(len(examples))):
            assert batch.answers is not None
            logits = model.logits(batch).float().cpu()
            real = model.real(batch.answers).cpu()
            rows += [row[mask] for row, mask in zip(logits, real, strict=True)]
            shown.advance(len(logits))
        keys += one.keys
    shown.close()
    _write(files, settings, keys, rows, base_sha256)
    seconds = time.perf_counter() - begun
    return {
        "task": settings.stage.task,
        "questions": len(keys),
        "stored_of_each_token": settings.top or "all",
        "seconds": round(seconds, 2),
        "logits": str(files.out),
    }


def _write(
    files: LogitsFiles,
    settings: LogitsSettings,
    keys: Sequence[Key],
    rows: Sequence[Tensor],
    base_sha256: str,
) -> None:
    """One row per answer token, those of a question one after the other."""
    # Questions with choices may have fewer columns than others.
    width = max(row.shape[-1] for row in rows)
    least = torch.finfo(torch.float32).min
    whole = torch.cat(
        [torch.nn.functional.pad(r, (0, width - r.shape[-1]), value=least) for r in rows]
    )
    names = list(dict.fromkeys(cell for cell, _ in keys))
    tensors = {
        "cells": torch.tensor([names.index(cell) for cell, _ in keys], dtype=torch.int32),
        "numbers": torch.tensor([number for _, number in keys], dtype=torch.int64),
        "tokens": torch.tensor([len(row) for row in rows], dtype=torch.int32),
        "logits": whole,
    }
    if settings.top:
        tensors["logits"], ids = whole.topk(min(settings.top, width))
        tensors["ids"] = ids.to(torch.int32)
    stage = settings.stage
    metadata = {
        "format": FORMAT,
        "base_sha256": base_sha256,
        "stage": stage.id,
        "task": stage.task,
        "step": str(stage.step),
        "cells": json.dumps({name: sha256_file(files.cells[name] / INDEX_FILE) for name in names}),
    }
    write_tensors(files.out, tensors, metadata)


def fixed_answers(training: TrainingConfig) -> TrainingConfig:
    """The same training with one answer for each question: the most frequent."""
    return training.model_copy(update={"target": "majority"})


class StoredLogits:
    """The logits in the files of several stages, found by cell and number.

    Raises
    ------
    UserError : not such a file, one of another base, or of cells that have changed since
    """

    def __init__(self, paths: Iterable[Path], cells: Mapping[str, Path], base_sha256: str) -> None:
        self._rows: dict[Key, Row] = {}
        for path in paths:
            metadata, tensors = read_tensors(path)
            _check(path, metadata, tensors, cells, base_sha256)
            names = list(json.loads(metadata["cells"]))
            begin = 0
            for cell, number, length in zip(
                *(tensors[name].tolist() for name in ("cells", "numbers", "tokens")), strict=True
            ):
                chosen = slice(begin, begin + length)
                ids = tensors["ids"][chosen].long() if "ids" in tensors else None
                self._rows[names[cell], number] = (tensors["logits"][chosen], ids)
                begin += length

    def of(self, keys: Sequence[Key], where: Path) -> list[Row]:
        """The logits of some questions of the memory `where`.

        Raises
        ------
        UserError : those of a question are not stored
        """
        lacking = [key for key in keys if key not in self._rows]
        if lacking:
            raise UserError(
                f"{len(lacking):,} of {len(keys):,} kept questions have no stored logits, "
                f"first number {lacking[0][1]} of {lacking[0][0]}",
                where=where,
                expected="the memory that they were stored for",
                do="store the logits again (continual-vqa logits)",
            )
        return [self._rows[key] for key in keys]


def _check(
    path: Path,
    metadata: Mapping[str, str],
    tensors: Mapping[str, Tensor],
    cells: Mapping[str, Path],
    base_sha256: str,
) -> None:
    if metadata.get("format") != FORMAT:
        raise UserError(
            f"has format {metadata.get('format')!r}",
            where=path,
            expected=f"{FORMAT!r}, as `continual-vqa logits` writes it",
        )
    if metadata.get("base_sha256") != base_sha256:
        raise UserError(
            "was made with another base model", where=path, do="make it again with this base"
        )
    names = parse_text(metadata.get("cells", ""), path)
    if not isinstance(names, dict) or not _whole(tensors, len(names)):
        raise UserError("is incomplete", where=path, do="store the logits again")
    for name, digest in names.items():
        if name in cells and sha256_file(cells[name] / INDEX_FILE) != digest:
            raise UserError(
                f"cell {name} is not the one that they were stored of",
                where=path,
                do="store the logits again (continual-vqa logits)",
            )


def _whole(tensors: Mapping[str, Tensor], cells: int) -> bool:
    """Whether the tensors are there, and tell one row a token of questions of these cells."""
    kinds = {"cells": torch.int32, "numbers": torch.int64, "tokens": torch.int32}
    if any(name not in tensors for name in (*kinds, "logits")):
        return False
    places, numbers, tokens, logits = (tensors[name] for name in (*kinds, "logits"))
    ids = tensors.get("ids", logits)
    return (
        all(tensors[name].dtype == kind and tensors[name].ndim == 1 for name, kind in kinds.items())
        and 0 < len(places) == len(numbers) == len(tokens)
        and 0 <= int(places.min()) <= int(places.max()) < cells
        and int(tokens.min()) > 0
        and logits.dtype == torch.float32
        and logits.ndim == 2
        and len(logits) == int(tokens.sum())
        and ids.shape == logits.shape
        and (ids is logits or (ids.dtype == torch.int32 and int(ids.min()) >= 0))
    )
