"""The questions of some cells, ready for training: tokens, targets, images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from continual_vqa.backbones.base import Backbone, Batch
from continual_vqa.backbones.prompts import Prompts
from continual_vqa.config.shards import ShardsConfig
from continual_vqa.config.training import TrainingConfig
from continual_vqa.shards.reader import Cells, open_cells
from continual_vqa.shards.subset import Subset
from continual_vqa.training.supervision import supervision
from continual_vqa.training.targets import candidates
from continual_vqa.training.visual_store import store_of_cells


class Source(Protocol):
    """Numbered examples from which the loop takes its batches."""

    def __len__(self) -> int:
        """The number of examples of an epoch."""
        ...

    def stream(
        self, batches: Iterable[np.ndarray], uniforms: np.ndarray
    ) -> Iterator[tuple[Batch, Tensor]]:
        """For each array of numbers its batch and the weight (B,) of each example's loss.

        `uniforms` (len(self),) in [0, 1) settle whatever is drawn for an example in this epoch.
        """
        ...


class Examples:
    """The questions of the cells in `folders`, numbered from 0 in their order.

    With `only`, those questions alone, renumbered in the given order.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        model: Backbone,
        training: TrainingConfig,
        shards: ShardsConfig,
        *,
        sees: str,
        workers: int,
        only: Sequence[int] | None = None,
    ) -> None:
        cells: Cells | Subset = open_cells(folders, verify=shards.verify)
        if only is not None:
            cells = Subset(cells, only)
        columns = cells.table(["question", "choices", "answers"])
        questions, choices, given = (column.to_pylist() for column in columns)
        self._prompts = Prompts(model, questions, choices)
        self._visual = store_of_cells(
            cells,
            model.vision,
            shards,
            sees,
            memory_mb=training.memory_mb,
            workers=workers,
            sees_pairs=model.sees_pairs,
        )
        answers = [candidates(row) for row in given]
        self._supervision = supervision(answers, training.target, model, folders[0], choices)
        self._model, self._cells = model, cells

    def __len__(self) -> int:
        return len(self._prompts)

    def stream(
        self, batches: Iterable[np.ndarray], uniforms: np.ndarray
    ) -> Iterator[tuple[Batch, Tensor]]:
        """See `Source.stream`; the uniform numbers pick the answers."""
        for numbers, visual in self._visual.stream(batches):
            chosen = numbers.tolist()
            answers, labels, weights = self._supervision.of(chosen, uniforms)
            pairs = self._visual.paired(numbers)
            batch = self._prompts.batch(chosen, visual, pairs, answers, labels)
            yield batch, torch.tensor(weights, device=batch.questions.device)

    @property
    def concepts(self) -> list[str]:
        """What each question's image was filed under."""
        return self._cells.table(["concept"])["concept"].to_pylist()

    def visual(self, batches: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """For each array of numbers these and what the model sees of their images."""
        return self._visual.stream(batches)

    def paired(self, numbers: np.ndarray) -> np.ndarray | None:
        """Which of some questions are about two images; None: none is."""
        return self._visual.paired(numbers)

    def asking(
        self,
        numbers: np.ndarray,
        visual: np.ndarray,
        pairs: np.ndarray | None,
        answers: Sequence[np.ndarray] | None = None,
    ) -> Batch:
        """Some of the questions, put to other images."""
        return self._prompts.batch(numbers.tolist(), visual, pairs, answers)

    def answered(self, numbers: np.ndarray, ids: Tensor) -> list[np.ndarray]:
        """A model's answers (B, L) to some questions, as the tokens that training takes."""
        if self._model.classes is not None:
            return [np.array(row[:1], np.int64) for row in ids.tolist()]
        return self._model.answer_tokens(self._prompts.texts(numbers.tolist(), ids.tolist()))
