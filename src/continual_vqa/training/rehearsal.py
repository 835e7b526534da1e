"""The batches of the memory that follow those of a segment, by the recipe's kind of replay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from continual_vqa.backbones.base import Backbone, Batch
from continual_vqa.config.recipe import Recipe
from continual_vqa.errors import UserError
from continual_vqa.training.examples import Examples, Source
from continual_vqa.training.memory import among, numbered, read_memory
from continual_vqa.training.stored_logits import Row, StoredLogits

# Longest answer that the earlier model gives to a replayed question, in tokens.
ANSWER_TOKENS = 10


class MakeExamples(Protocol):
    """Opens questions for training; with `fixed` each has one answer, the most frequent."""

    def __call__(
        self, folders: Sequence[Path], only: Sequence[int] | None = None, *, fixed: bool = False
    ) -> Examples:
        """The questions `only`, or all, of the cells in `folders`."""
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """What earlier stages left to be replayed.

    Attributes
    ----------
    memory : lists the kept questions; None: there are none
    cells : the cells that hold them, by name
    logits : what was stored for them, where the recipe replays logits
    teacher : the model before this stage, where it answers them
    """

    memory: Path | None = None
    cells: Mapping[str, Path] = field(default_factory=dict)
    logits: Sequence[Path] = ()
    teacher: Callable[[], Backbone] | None = None


class Rehearsal:
    """Makes the memory of each segment.

    Raises
    ------
    UserError : a memory, cells or logits that are damaged, missing or do not belong together
    """

    def __init__(
        self, kept: Kept, recipe: Recipe, base_sha256: str, examples: MakeExamples
    ) -> None:
        self._kept, self._recipe, self._examples = kept, recipe, examples
        self._memories = read_memory(kept.memory, kept.cells) if kept.memory else []
        self._logits = StoredLogits(kept.logits, kept.cells, base_sha256)

    def beside(self, segment: str, own: Examples) -> Source | None:
        """The memory that is replayed beside the segment's `own` questions; None: there is none."""
        chosen = among(self._memories, segment)
        if not chosen:
            return None
        folders, numbers = [memory.folder for memory in chosen], numbered(chosen)
        if self._recipe.replays_questions:
            if self._kept.teacher is None:
                raise UserError(
                    "no model to answer past questions",
                    where="--teacher",
                    expected="the checkpoint of the stage before",
                )
            return PastQuestions(self._examples(folders, numbers), own, self._kept.teacher())
        if not self._recipe.replays_logits:
            return Remembering(self._examples(folders, numbers))
        assert self._kept.memory
        keys = [key for memory in chosen for key in memory.keys]
        rows = self._logits.of(keys, self._kept.memory)
        return Remembering(self._examples(folders, numbers, fixed=True), rows)


class Remembering:
    """Kept examples, with the logits that were stored for them, if any were."""

    def __init__(self, source: Source, rows: Sequence[Row] = ()) -> None:
        self._source, self._rows = source, rows

    def __len__(self) -> int:
        return len(self._source)

    def stream(
        self, batches: Iterable[np.ndarray], uniforms: np.ndarray
    ) -> Iterator[tuple[Batch, Tensor]]:
        """See `Source.stream`."""
        numbers = list(batches)
        found = self._source.stream(numbers, uniforms)
        for chosen, (batch, weights) in zip(numbers, found, strict=True):
            batch = replace(batch, replayed=True)
            yield self._with_logits(batch, chosen) if self._rows else batch, weights

    def _with_logits(self, batch: Batch, numbers: np.ndarray) -> Batch:
        assert batch.answers is not None
        rows = [self._rows[number] for number in numbers.tolist()]
        device, length = batch.answers.device, batch.answers.shape[1]
        ids = [each for _, each in rows if each is not None]
        return replace(
            batch,
            stored=_stacked([logits for logits, _ in rows], length).to(device),
            stored_ids=_stacked(ids, length).to(device) if ids else None,
        )


class PastQuestions:
    """Kept questions put to images of the segment, answered by the model before the stage.

    The image is that of a question about the same concept, drawn for every epoch; where the segment
    has none, of any question.
    """

    def __init__(self, past: Examples, own: Examples, teacher: Backbone) -> None:
        self._past, self._own, self._teacher = past, own, teacher
        places: dict[str, list[int]] = {}
        for number, concept in enumerate(own.concepts):
            places.setdefault(concept, []).append(number)
        everything = np.arange(len(own))
        self._partners = [
            np.array(places[concept]) if concept in places else everything
            for concept in past.concepts
        ]

    def __len__(self) -> int:
        return len(self._past)

    def stream(
        self, batches: Iterable[np.ndarray], uniforms: np.ndarray
    ) -> Iterator[tuple[Batch, Tensor]]:
        """See `Source.stream`; the uniform numbers pick the images."""
        numbers = list(batches)
        partners = [
            np.array([self._partner(number, float(uniforms[number])) for number in chosen.tolist()])
            for chosen in numbers
        ]
        for chosen, (images, visual) in zip(numbers, self._own.visual(partners), strict=True):
            pairs = self._own.paired(images)
            asked = self._past.asking(chosen, visual, pairs)
            ids, _ = self._teacher.generate(asked, beams=1, length=ANSWER_TOKENS)
            batch = self._past.asking(chosen, visual, pairs, self._past.answered(chosen, ids))
            ones = torch.ones(len(chosen), device=batch.questions.device)
            yield replace(batch, replayed=True), ones

    def _partner(self, number: int, uniform: float) -> int:
        choice = self._partners[number]
        return int(choice[int(uniform * len(choice))])


def _stacked(rows: Sequence[Tensor], length: int) -> Tensor:
    """Rows (l, k) as one tensor (B, length, K), filled up with the least number or 0."""
    width = max(row.shape[1] for row in rows)
    fill = torch.finfo(rows[0].dtype).min if rows[0].dtype.is_floating_point else 0
    out = rows[0].new_full((len(rows), length, width), fill)
    for place, row in zip(out, rows, strict=True):
        place[: len(row), : row.shape[1]] = row
    return out
