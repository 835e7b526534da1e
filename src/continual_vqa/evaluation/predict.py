"""Answers of a model to all questions of some cells."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from continual_vqa.backbones.base import Backbone
from continual_vqa.backbones.prompts import Prompts
from continual_vqa.config.block import Block
from continual_vqa.config.evaluation import EvaluationConfig
from continual_vqa.config.shards import ShardsConfig
from continual_vqa.evaluation.tables import PREDICTIONS
from continual_vqa.files.progress import Progress
from continual_vqa.shards import arrow
from continual_vqa.shards.reader import Cells, open_cells
from continual_vqa.shards.subset import Subset
from continual_vqa.training.ranks import ALONE, Ranks
from continual_vqa.training.settings import StageIdentity
from continual_vqa.training.visual_store import store_of_cells


class PredictSettings(Block):
    """The settings of one `predict` job."""

    stage: StageIdentity
    evaluation: EvaluationConfig = EvaluationConfig()
    shards: ShardsConfig = ShardsConfig()


def predict(
    model: Backbone, folders: Mapping[str, Path], settings: PredictSettings, *, workers: int = 0
) -> tuple[pa.Table, dict[str, object]]:
    """Predictions of one model for all questions of the cells `folders`; see `predict_among`."""
    cells = open_cells(list(folders.values()), verify=settings.shards.verify)
    return predict_among([(model, np.arange(len(cells)))], cells, settings, workers=workers)


def predict_among(
    models: Iterable[tuple[Backbone, np.ndarray]],
    cells: Cells,
    settings: PredictSettings,
    *,
    workers: int = 0,
    ranks: Ranks = ALONE,
) -> tuple[pa.Table, dict[str, object]]:
    """Predictions (schema PREDICTIONS) in the cells' order, and a summary.

    Questions of similar length are answered together; what is answered does not depend on it.

    Parameters
    ----------
    models : models and the numbers of the questions that each answers, in all every question once;
        they are asked for one after the other, so that they need not be in memory together
    ranks : the processes that share the batches; all return the whole
    """
    begun = time.perf_counter()
    answers, scores = [""] * len(cells), np.zeros(len(cells), np.float32)
    for model, numbers in models:
        own = Subset(cells, numbers.tolist())
        texts, scores[numbers] = _answers(model, own, settings, workers, ranks)
        for number, text in zip(numbers.tolist(), texts, strict=True):
            answers[number] = text
        del model  # before the next one is loaded
    columns = cells.table(["question_id", "skill", "group"])
    table = pa.Table.from_arrays(
        [
            columns["question_id"],
            columns["skill"],
            columns["group"],
            arrow.strings(answers),
            arrow.numbers(scores),
            arrow.numbers(np.full(len(answers), settings.stage.step, np.int32)),
        ],
        schema=PREDICTIONS,
    )
    seconds = time.perf_counter() - begun
    return table, {
        "questions": len(answers),
        **({"processes": ranks.size} if ranks.size > 1 else {}),
        "distinct_answers": len(set(answers)),
        "seconds": round(seconds, 2),
        "questions_per_second": round(len(answers) / seconds, 1),
    }


@torch.inference_mode()
def _answers(
    model: Backbone, cells: Subset, settings: PredictSettings, workers: int, ranks: Ranks
) -> tuple[list[str], np.ndarray]:
    evaluation = settings.evaluation
    count = len(cells)
    answers, scores = [""] * count, np.zeros(count, np.float32)
    if not count:
        return answers, scores
    columns = cells.table(["question", "choices"])
    prompts = Prompts(model, columns["question"].to_pylist(), columns["choices"].to_pylist())
    # Images are seen once: nothing is gained by keeping them.
    store = store_of_cells(
        cells,
        model.vision,
        settings.shards,
        settings.stage.recipe.sees,
        memory_mb=0,
        workers=workers,
        sees_pairs=model.sees_pairs,
    )
    order = np.argsort(prompts.lengths, kind="stable")
    size = evaluation.batch_size
    progress = Progress(count, "answers", quiet=not ranks.first)
    model.eval()
    # Whole batches are shared out, so that one process or several compute the same.
    batches = [order[begin : begin + size] for begin in range(0, count, size)]
    batches = batches[ranks.rank :: ranks.size]
    for numbers, visual in store.stream(batches):
        batch = prompts.batch(numbers.tolist(), visual, store.paired(numbers))
        tokens, totals = model.generate(
            batch, beams=evaluation.beam, length=evaluation.max_answer_tokens
        )
        texts = prompts.texts(numbers.tolist(), tokens.tolist())
        for number, text in zip(numbers.tolist(), texts, strict=True):
            answers[number] = text
        scores[numbers] = totals.float().cpu().numpy()
        progress.advance(ranks.size * len(numbers))
    progress.close()
    if ranks.size > 1:
        own = np.concatenate([*batches, np.empty(0, np.int64)])
        mine = [own.tolist(), [answers[n] for n in own], scores[own].tolist()]
        for text in ranks.texts(json.dumps(mine), next(model.parameters()).device):
            numbers, texts, totals = json.loads(text)
            scores[numbers] = totals
            for number, answer in zip(numbers, texts, strict=True):
                answers[number] = answer
    return answers, scores
