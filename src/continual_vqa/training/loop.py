"""The training loop: segments one after the other, each with a fresh optimiser and schedule.

A segment is a concept group, or all data of a joint stage. Everything random is a function of the
seed, the segment and the step, so a position is all that has to be remembered to continue.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from continual_vqa.backbones.base import Backbone, Batch
from continual_vqa.errors import UserError
from continual_vqa.files.progress import Progress
from continual_vqa.methods.guard import Alignment, Guard
from continual_vqa.methods.parameters import FlatParameters
from continual_vqa.shards.order import Cursor, batches
from continual_vqa.training.curve import CurveRow
from continual_vqa.training.examples import Source
from continual_vqa.training.inflight import InFlight
from continual_vqa.training.optimiser import AdamW, Optimiser, rate
from continual_vqa.training.seeds import derived, uniforms


@dataclass(frozen=True, slots=True)
class Pace:
    """How a segment is trained: sizes, schedule, optimiser."""

    epochs: int
    batch_size: int
    warmup: float
    adamw: AdamW
    accumulation: int = 1
    precision: str = "fp32"
    fall: Literal["linear", "cosine"] = "linear"
    vision_factor: float = 1.0

    def steps(self, examples: int) -> int:
        """Optimiser steps over `examples`; the last batch of an epoch may be smaller."""
        return self.epochs * -(-examples // self.batch_size)


@dataclass(frozen=True, slots=True)
class Segment:
    """Examples that are shuffled together, under the name that the curve shows.

    `memory` holds examples of earlier tasks: each step is followed by one on a batch of them.
    """

    name: str
    source: Source
    seed: int
    memory: Source | None = None


@dataclass
class Loop:
    """Trains `parameters` of `model` over `segments`; `run` can be interrupted and continued.

    `alignment` gathers what the guards return after the steps; `rates` gives tensors a learning
    rate of their own, as a factor.
    """

    model: Backbone
    parameters: FlatParameters
    pace: Pace
    guards: tuple[Guard, ...]
    inflight: InFlight
    label: str
    alignment: list[Alignment] = field(default_factory=list)
    rates: Mapping[str, float] = field(default_factory=dict)
    _total: int = field(default=0, init=False)

    def run(self, segments: Sequence[Segment]) -> list[CurveRow]:
        """Train; returns one row per optimiser step.

        Raises
        ------
        Interrupted : the state is saved; calling again continues where it stopped
        UserError : the loss is no longer finite
        """
        curve: list[CurveRow] = []
        begin, cursor = 0, None
        optimiser = self._optimiser()
        found = self.inflight.find()
        if found is not None:
            place, tensors = found
            begin, cursor = place["segment"], Cursor.from_dict(place["order"])
            curve = [CurveRow(*row) for row in place["curve"]]
            self.alignment = [Alignment(*row) for row in place["alignment"]]
            optimiser.restore(tensors, place["updates"])
        self._total = sum(self.pace.steps(len(segment.source)) for segment in segments)
        progress = Progress(self._total, self.label)
        progress.advance(len(curve))
        self.model.train()
        for index, segment in enumerate(segments[begin:], start=begin):
            if index > begin or cursor is None:
                optimiser = self._optimiser()
                cursor = Cursor(segment.seed)
            self._segment(index, segment, cursor, optimiser, curve, progress)
        progress.close()
        self.model.eval()
        return curve

    def _optimiser(self) -> Optimiser:
        seen = [name for name in self.parameters.names if self.model.part_of(name) == "vision"]
        rates = {**dict.fromkeys(seen, self.pace.vision_factor), **self.rates}
        return Optimiser(self.parameters, self.pace.adamw, rates)

    def _segment(
        self,
        index: int,
        segment: Segment,
        cursor: Cursor,
        optimiser: Optimiser,
        curve: list[CurveRow],
        progress: Progress,
    ) -> None:
        n, size = len(segment.source), self.pace.batch_size
        total = self.pace.steps(n)
        per_epoch = self.pace.steps(n) // self.pace.epochs
        while cursor.epoch < self.pace.epochs and n:
            epoch = cursor.epoch
            numbers = batches(n, size, segment.seed, epoch, start=cursor.position)
            draws = uniforms(n, segment.seed, epoch)
            before = time.perf_counter()
            for batch, weights in segment.source.stream(numbers, draws):
                step = epoch * per_epoch + cursor.position // size
                lr = rate(step, total, self.pace.adamw.lr, self.pace.warmup, self.pace.fall)
                torch.manual_seed(derived(segment.seed, "dropout", step))
                loss = self._step(batch, weights, optimiser, lr, segment.name)
                if segment.memory:
                    remembered = memory_batch(segment.memory, size, segment.seed, step)
                    self._step(*remembered, optimiser, lr, f"{segment.name}, memory")
                done = len(curve) + 1
                for guard in self.guards:
                    rows = guard.after_update(
                        self.parameters, optimiser, done, last=done == self._total
                    )
                    self.alignment.extend(rows)
                cursor = cursor.advance(len(weights), n)
                now = time.perf_counter()
                speed = len(weights) / (now - before)
                before = now
                curve.append(CurveRow(len(curve) + 1, segment.name, epoch + 1, loss, lr, speed))
                progress.advance(1, f"{segment.name}, loss {loss:.3f}, {speed:,.0f} samples/s")
                if self.inflight.due(len(curve)):
                    self._save(index, cursor, optimiser, curve)

    def _step(
        self, batch: Batch, weights: Tensor, optimiser: Optimiser, lr: float, name: str
    ) -> float:
        total = 0.0
        for piece, share in pieces(batch, weights, self.pace.accumulation):
            with torch.autocast(
                batch.visual.device.type,
                dtype=torch.bfloat16,
                enabled=self.pace.precision == "bf16",
            ):
                logits = self.model.logits(piece)
            losses = self.model.losses(piece, logits)
            loss = (losses * share).sum() / len(weights)
            for guard in self.guards:
                loss = guard.on_loss(loss, logits, piece, len(share) / len(weights))
            loss.backward()
            total += loss.item()
        for guard in self.guards:
            guard.after_backward(self.parameters)
        try:
            optimiser.clip()
        except FloatingPointError as error:
            raise UserError(
                f"{error} at step {optimiser.step + 1}",
                where=f"training, {name}",
                do="lower training.lr, or set training.precision to fp32",
            ) from error
        for guard in self.guards:
            guard.before_step(self.parameters)
        optimiser.update(lr)
        for guard in self.guards:
            guard.after_step(self.parameters)
        return total

    def _save(
        self, index: int, cursor: Cursor, optimiser: Optimiser, curve: list[CurveRow]
    ) -> None:
        place = {
            "segment": index,
            "order": cursor.as_dict(),
            "updates": optimiser.step,
            "curve": [list(row) for row in curve],
            "alignment": [list(row) for row in self.alignment],
        }
        self.inflight.save(place, optimiser.state(), len(curve))


def memory_batch(memory: Source, size: int, seed: int, step: int) -> tuple[Batch, Tensor]:
    """The batch of `memory` that follows step `step` of a segment, a pure function of its place.

    The memory is passed over again and again in an order of its own, `size` examples at a time;
    the last batch of a pass may be smaller (VQACL: one memory batch after each batch).
    """
    own = derived(seed, "memory")
    passed, place = divmod(step, -(-len(memory) // size))
    numbers = next(batches(len(memory), size, own, passed, start=place * size))
    return next(iter(memory.stream([numbers], uniforms(len(memory), own, passed))))


def pieces(batch: Batch, weights: Tensor, count: int) -> list[tuple[Batch, Tensor]]:
    """`batch` and `weights` cut into at most `count` pieces of about equal size."""
    if count == 1:
        return [(batch, weights)]
    numbers = torch.arange(len(weights), device=weights.device).tensor_split(count)
    return [(batch.take(each), weights[each]) for each in numbers if len(each)]
