"""How far a merge's answers are from those of the models it was made of.

On a probe batch of each model's own training questions: the Kullback-Leibler divergence of the
merge from the model, token by token of the annotated answer. What is probed is a choice of this
project.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from continual_vqa.backbones.base import Backbone
from continual_vqa.config.block import Block
from continual_vqa.config.shards import ShardsConfig
from continual_vqa.config.tasks import belongs
from continual_vqa.config.training import TrainingConfig
from continual_vqa.errors import UserError
from continual_vqa.shards.reader import open_cells
from continual_vqa.training.examples import Examples
from continual_vqa.training.loading import load_model
from continual_vqa.training.seeds import derived, uniforms
from continual_vqa.training.settings import StageIdentity


class DriftSettings(Block):
    """The settings of one `drift` job."""

    stage: StageIdentity
    questions: Annotated[int, Field(ge=1, description="Probed questions of each model.")] = 100
    training: TrainingConfig = TrainingConfig()
    shards: ShardsConfig = ShardsConfig()


def drift(
    base: Path,
    merged: Path,
    models: Sequence[Path],
    cells: Mapping[str, Path],
    settings: DriftSettings,
    device: torch.device,
    *,
    workers: int = 0,
) -> list[dict[str, object]]:
    """For each model: stage, task, questions, divergence (nats a token), agreement, losses.

    `cells` hold the training questions of every model's task. `agreement` is the share of tokens
    whose likeliest word is the same; `loss` and `merged_loss` are means over the questions.

    Raises
    ------
    UserError : a checkpoint of another base, or a model whose task has no cells
    """
    after, _, _ = load_model(base, merged, device)
    return [
        _compared(load_model(base, path, device), after, path, cells, settings, workers)
        for path in models
    ]


@torch.inference_mode()
def _compared(
    loaded: tuple[Backbone, str, dict[str, str]],
    after: Backbone,
    path: Path,
    cells: Mapping[str, Path],
    settings: DriftSettings,
    workers: int,
) -> dict[str, object]:
    before, _, header = loaded
    task = header["task"]
    folders = [folder for name, folder in cells.items() if belongs(name, task)]
    if not folders:
        raise UserError(
            f"no cell of its task {task!r} is given",
            where=path,
            expected="--cells of every model's task",
        )
    seed = derived(settings.stage.seed, "drift", task)
    available = len(open_cells(folders, verify=settings.shards.verify))
    chosen = np.random.default_rng(seed).permutation(available)[: settings.questions]
    examples = Examples(
        folders,
        before,
        settings.training,
        settings.shards,
        sees=settings.stage.recipe.sees,
        workers=workers,
        only=np.sort(chosen).tolist(),
    )
    size = settings.training.batch_size
    numbers = [np.arange(len(examples))[i : i + size] for i in range(0, len(examples), size)]
    before.eval()
    after.eval()
    sums: dict[str, float] = dict.fromkeys(("divergence", "agreement", "loss", "merged_loss"), 0.0)
    tokens = 0
    for batch, _ in examples.stream(numbers, uniforms(len(examples), seed, 0)):
        own, other = before.logits(batch), after.logits(batch)
        assert batch.answers is not None
        real = before.real(batch.answers)
        tokens += int(real.sum())
        sums["divergence"] += float(_divergence(own, other)[real].sum())
        sums["agreement"] += float((own.argmax(-1) == other.argmax(-1))[real].sum())
        sums["loss"] += float(before.losses(batch, own).sum())
        sums["merged_loss"] += float(after.losses(batch, other).sum())
    counts = {"divergence": tokens, "agreement": tokens}
    means = {name: total / max(1, counts.get(name, len(examples))) for name, total in sums.items()}
    return {"stage": header["stage"], "task": task, "questions": len(examples), **means}


def _divergence(own: Tensor, other: Tensor) -> Tensor:
    """KL(own || other) of logits (B, L, V), in nats: (B, L)."""
    before, after = own.float().log_softmax(-1), other.float().log_softmax(-1)
    return (before.exp() * (before - after)).sum(-1)
