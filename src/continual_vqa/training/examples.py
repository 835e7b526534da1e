"""The questions of some cells, ready for training: tokens, candidate answers, images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from continual_vqa.backbones.base import Backbone, Batch
from continual_vqa.config.shards import ShardsConfig
from continual_vqa.config.training import TrainingConfig
from continual_vqa.errors import UserError
from continual_vqa.shards.reader import Cells, open_cells
from continual_vqa.shards.subset import Subset
from continual_vqa.training.targets import candidates, cumulative, draw
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


# Rare misspelt answers are unknown to any word-level vocabulary; a model of another world knows
# next to none.
MOST_UNKNOWN = 0.5


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
        table = cells.table(["answers"])
        self._model = model
        self._questions = model.question_tokens(cells.asked())
        self._visual = store_of_cells(
            cells,
            model.vision,
            shards,
            sees,
            memory_mb=training.memory_mb,
            workers=workers,
            sees_pairs=model.sees_pairs,
        )
        self._candidates = [candidates(answers) for answers in table["answers"].to_pylist()]
        self._cumulative = [cumulative(row, training.target) for row in self._candidates]
        texts = sorted({text for row in self._candidates for text in row.texts})
        self._tokens = dict(zip(texts, model.words.encode(texts), strict=True))
        _refuse_a_foreign_vocabulary(self._tokens, model, folders)

    def __len__(self) -> int:
        return len(self._questions)

    def stream(
        self, batches: Iterable[np.ndarray], uniforms: np.ndarray
    ) -> Iterator[tuple[Batch, Tensor]]:
        """See `Source.stream`; the uniform numbers pick the answers."""
        for numbers, visual in self._visual.stream(batches):
            answers, weights = [], []
            for number in numbers.tolist():
                row = self._candidates[number]
                picked = draw(float(uniforms[number]), self._cumulative[number])
                answers.append(self._tokens[row.texts[picked]])
                weights.append(row.scores[picked])
            questions = [self._questions[number] for number in numbers.tolist()]
            batch = self._model.batch(visual, questions, answers)
            yield batch, torch.tensor(weights, device=batch.questions.device)


def _refuse_a_foreign_vocabulary(
    tokens: Mapping[str, np.ndarray], model: Backbone, folders: Sequence[Path]
) -> None:
    unknown = [text for text, ids in tokens.items() if model.words.unknown in ids]
    if len(unknown) > MOST_UNKNOWN * len(tokens):
        raise UserError(
            f"the model does not know the words of {len(unknown):,} of {len(tokens):,} answers "
            f"({', '.join(unknown[:4])}, ...)",
            where=folders[0],
            do="set backbone.folder to a model whose tokenizer knows them, or leave it empty",
        )
