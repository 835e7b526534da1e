"""The training loop: segments one after the other, each with a fresh optimiser and schedule.

A segment is a concept group, or all data of a joint stage. Everything random is a function of the
seed, the segment and the step, so a position is all that has to be remembered to continue.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
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
from continual_vqa.training.ranks import ALONE, Ranks
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
    rate of their own, as a factor; `ranks` are the processes that share every batch, and with
    `sharded` the optimiser's moments too.
    """

    model: Backbone
    parameters: FlatParameters
    pace: Pace
    guards: tuple[Guard, ...]
    inflight: InFlight
    label: str
    alignment: list[Alignment] = field(default_factory=list)
    rates: Mapping[str, float] = field(default_factory=dict)
    ranks: Ranks = ALONE
    sharded: bool = False
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
        progress = Progress(self._total, self.label, quiet=not self.ranks.first)
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
        shared = self.ranks if self.sharded else ALONE
        return Optimiser(self.parameters, self.pace.adamw, rates, shared)

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
            before = time.perf_counter()
            for share in shares(
                segment.source, size, segment.seed, epoch, start=cursor.position, ranks=self.ranks
            ):
                step = epoch * per_epoch + cursor.position // size
                lr = rate(step, total, self.pace.adamw.lr, self.pace.warmup, self.pace.fall)
                torch.manual_seed(self._dropout_seed(segment.seed, step))
                loss = self._step(share, optimiser, lr, segment.name)
                if segment.memory:
                    remembered = memory_share(
                        segment.memory, size, segment.seed, step, ranks=self.ranks
                    )
                    self._step(remembered, optimiser, lr, f"{segment.name}, memory")
                done = len(curve) + 1
                for guard in self.guards:
                    rows = guard.after_update(
                        self.parameters, optimiser, done, last=done == self._total
                    )
                    self.alignment.extend(rows)
                cursor = cursor.advance(share.count, n)
                now = time.perf_counter()
                speed = share.count / (now - before)
                before = now
                curve.append(CurveRow(len(curve) + 1, segment.name, epoch + 1, loss, lr, speed))
                progress.advance(1, f"{segment.name}, loss {loss:.3f}, {speed:,.0f} samples/s")
                # All ranks decide alike: a signal may reach them between different steps.
                late = self.ranks.first and self.inflight.late()
                flags = (self.inflight.asked(len(curve)), late)
                stop, late = self.ranks.any(flags, self.parameters.values.device)
                if stop or late:
                    self._save(index, cursor, optimiser, curve, stop)

    def _dropout_seed(self, seed: int, step: int) -> int:
        own = (self.ranks.rank,) if self.ranks.rank else ()
        return derived(seed, "dropout", step, *own)

    def _step(self, share: Share, optimiser: Optimiser, lr: float, name: str) -> float:
        total = 0.0
        for piece, weights, own in share.pieces(self.pace.accumulation, self.ranks):
            with ExitStack() as around:
                around.enter_context(
                    torch.autocast(
                        weights.device.type,
                        dtype=torch.bfloat16,
                        enabled=self.pace.precision == "bf16",
                    )
                )
                for guard in self.guards:
                    around.enter_context(guard.around(piece))
                logits = self.model.logits(piece)
            losses = self.model.losses(piece, logits)
            loss = (losses * weights).sum() / share.count
            for guard in self.guards:
                loss = guard.on_loss(loss, logits, piece, own / share.count)
            loss.backward()
            total += loss.item()
        self.ranks.add(self.parameters.gradient)
        total = self.ranks.total(total, self.parameters.values.device)
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
        self, index: int, cursor: Cursor, optimiser: Optimiser, curve: list[CurveRow], stop: bool
    ) -> None:
        place = {
            "segment": index,
            "order": cursor.as_dict(),
            "updates": optimiser.step,
            "curve": [list(row) for row in curve],
            "alignment": [list(row) for row in self.alignment],
        }
        state = optimiser.state()
        if self.ranks.first:
            self.inflight.save(place, state)
        if stop:
            # torchrun ends all processes with the first that ends: none may before it is saved.
            self.ranks.wait(self.parameters.values.device)
            self.inflight.stop(len(curve))


@dataclass(frozen=True, slots=True)
class Share:
    """What one rank computes of a batch: the first `own` examples count for it.

    A rank that the batch is too small for is given an example that counts nothing (`own` is 0):
    weights that are spread over the ranks are there only while all of them compute.
    `count` is the number of examples in the whole batch.
    """

    batch: Batch
    weights: Tensor
    own: int
    count: int

    def pieces(self, most: int, ranks: Ranks) -> list[tuple[Batch, Tensor, int]]:
        """At most `most` pieces, as many on all ranks, each with the number that counts in it."""
        number = min(most, -(-self.count // ranks.size))
        if number == 1:
            return [(self.batch, self.weights, self.own)]
        out = []
        numbers = torch.arange(self.own, device=self.weights.device)
        for each in numbers.tensor_split(number):
            if len(each):
                out.append((self.batch.take(each), self.weights[each], len(each)))
            else:
                stand_in = self.batch.take(numbers.new_zeros(1))
                out.append((stand_in, torch.zeros_like(self.weights[:1]), 0))
        return out


def shares(
    source: Source, size: int, seed: int, epoch: int, *, start: int, ranks: Ranks
) -> Iterator[Share]:
    """This rank's share of every batch of an epoch, from the `start`-th example on."""
    n = len(source)
    whole = list(batches(n, size, seed, epoch, start=start))
    own = [batch[ranks.rank :: ranks.size] for batch in whole]
    given = (mine if len(mine) else batch[:1] for mine, batch in zip(own, whole, strict=True))
    stream = source.stream(given, uniforms(n, seed, epoch))
    for mine, batch, (examples, weights) in zip(own, whole, stream, strict=True):
        weights = weights if len(mine) else torch.zeros_like(weights)
        yield Share(examples, weights, len(mine), len(batch))


def memory_share(memory: Source, size: int, seed: int, step: int, *, ranks: Ranks = ALONE) -> Share:
    """The share of the batch of `memory` that follows step `step` of a segment.

    It is a pure function of its place: the memory is passed over again and again in an order of its
    own, `size` examples at a time; the last batch of a pass may be smaller (VQACL: one memory batch
    after each batch).
    """
    passed, place = divmod(step, -(-len(memory) // size))
    own = derived(seed, "memory")
    return next(shares(memory, size, own, passed, start=place * size, ranks=ranks))
