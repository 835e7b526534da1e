"""Herd the questions of one cell, by what the base model says to them.

A question is described by the base's logits of the first answer token, the one description that
every model family gives: a choice of this project (iCaRL takes the features of the model as it is
then, with which every method and task would have a memory of its own).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa
import torch
from pydantic import Field

from continual_vqa.config.block import Block
from continual_vqa.config.shards import ShardsConfig
from continual_vqa.config.training import TrainingConfig
from continual_vqa.consolidation.herding import herding_order
from continual_vqa.consolidation.memory import MEMORY
from continual_vqa.files.parquet import write_table
from continual_vqa.files.progress import Progress
from continual_vqa.shards.reader import open_cells
from continual_vqa.training.examples import Examples
from continual_vqa.training.loading import load_model
from continual_vqa.training.stored_logits import fixed_answers


class HerdSettings(Block):
    """The settings of one `herd` job."""

    size: Annotated[int, Field(ge=1, description="Questions chosen at most.")]
    training: TrainingConfig = TrainingConfig()
    shards: ShardsConfig = ShardsConfig()


@dataclass(frozen=True, slots=True)
class HerdFiles:
    """Where a job's inputs and output lie; `name` is the cell's, split/skill/group."""

    base: Path
    name: str
    cell: Path
    out: Path


@torch.inference_mode()
def herd(
    files: HerdFiles, settings: HerdSettings, device: torch.device, *, workers: int = 0
) -> dict[str, object]:
    """Write the cell's questions in the order of their choice; returns a summary.

    Raises
    ------
    UserError : bad cell or base
    """
    begun = time.perf_counter()
    model, _, _ = load_model(files.base, None, device)
    model.eval()
    training = fixed_answers(settings.training)
    examples = Examples(
        [files.cell], model, training, settings.shards, sees="image_and_question", workers=workers
    )
    count = len(examples)
    shown = Progress(count, f"herding {files.name}")
    batches = np.split(np.arange(count), range(training.batch_size, count, training.batch_size))
    rows = []
    for batch, _ in examples.stream(batches if count else [], np.zeros(count)):
        rows.append(model.logits(batch)[:, 0].float().cpu().numpy())
        shown.advance(len(rows[-1]))
    shown.close()
    order = herding_order(_described(rows), settings.size)
    ids = open_cells([files.cell], verify="never").question_ids
    table = pa.Table.from_pylist(
        [{"cell": files.name, "question_id": ids[n], "number": int(n)} for n in order],
        schema=MEMORY,
    )
    write_table(files.out, table, MEMORY, note={"choice": "herding", "size": str(settings.size)})
    return {
        "cell": files.name,
        "questions": count,
        "chosen": len(order),
        "seconds": round(time.perf_counter() - begun, 2),
        "out": str(files.out),
    }


def _described(rows: list[np.ndarray]) -> np.ndarray:
    """float32 [questions, answers]: what is of no use to any of them is 0.

    A question with choices has logits of its own choices alone, the others' are -inf.
    """
    width = max((row.shape[1] for row in rows), default=0)
    filled = [np.pad(row, ((0, 0), (0, width - row.shape[1]))) for row in rows]
    whole = np.concatenate([*filled, np.zeros((0, width), np.float32)])
    # The least finite number is a mask too.
    return np.where(whole <= np.finfo(np.float32).min / 2, 0.0, whole)
