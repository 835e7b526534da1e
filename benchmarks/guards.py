"""What guards cost: a training step with a guard against the plain one.

python -m benchmarks.guards [--repeats 3] [--json FILE]

Steps of the real loop, with and without the guard in turns within one process, on the shipped
miniature and on a model of T5-base's size (223M, random weights, VL-T5's 36 regions). Masks protect
a random half of the entries. The time of a step is the median over a process; the cases come in
shuffled order, and the median over the processes is shown.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks import harness
from continual_vqa.backbones import pixels
from continual_vqa.backbones.base import Backbone, Batch
from continual_vqa.backbones.folder import read_base
from continual_vqa.backbones.t5_layers import T5Shape
from continual_vqa.backbones.t5_vision import T5Vision
from continual_vqa.backbones.tensor_file import write_tensors
from continual_vqa.config.backbone import VisionConfig
from continual_vqa.config.guards import GuardConfig, MaskGuard, PartShares, PenaltyGuard
from continual_vqa.config.importance import ImportanceConfig
from continual_vqa.config.recipe import Recipe
from continual_vqa.config.training import TrainingConfig
from continual_vqa.consolidation import importance_file
from continual_vqa.consolidation.masks import MaskSettings, make_mask
from continual_vqa.methods.guard import Guard
from continual_vqa.methods.guards import GuardFiles, guards_of
from continual_vqa.methods.parameters import FlatParameters, trained_parameters
from continual_vqa.training.inflight import InFlight, Request
from continual_vqa.training.loop import Loop, Segment
from continual_vqa.training.stage import pace_of

MINIATURE = harness.ROOT / "config" / "bases" / "miniature"
BASE_SIZE = T5Shape(32128, 768, 64, 12, 3072, 12, 12)
REGIONS = VisionConfig(kind="regions")
QUESTION, ANSWER = "what color is the cat on the left side of the table?", "light blue"
HALF = PartShares(vision=0.5, language=0.5)
GUARDS: dict[str, GuardConfig] = {
    "mask, frozen": MaskGuard(),
    "mask, half the step": MaskGuard(strength=HALF),
    "penalty": PenaltyGuard(),
}
# Size -> batch size (the config's default), and steps of each kind that are timed; two are not.
SIZES = {"miniature": (32, 150), "T5-base size": (32, 4)}


class Turns:
    """Equal batches; the guards are taken away for every other step, and each step is timed."""

    def __init__(self, model: Backbone, batch: Batch, length: int) -> None:
        self.batch, self.length = batch, length
        self.loop: Loop | None = None
        self.guards: tuple[Guard, ...] = ()
        self.seconds: tuple[list[float], list[float]] = ([], [])

    def __len__(self) -> int:
        return self.length

    def stream(
        self, batches: Iterable[np.ndarray], uniforms: np.ndarray
    ) -> Iterator[tuple[Batch, Tensor]]:
        """Time what the loop does between two batches."""
        assert self.loop is not None
        weights = torch.ones(len(self.batch.questions))
        for turn, _ in enumerate(batches):
            guarded = turn % 2
            self.loop.guards = self.guards if guarded else ()
            begun = time.perf_counter()
            yield self.batch, weights
            self.seconds[guarded].append(time.perf_counter() - begun)


def seconds(size: str, guard: str) -> list[float]:
    """Median seconds of a plain and of a guarded step."""
    batch_size, steps = SIZES[size]
    model = model_of(size)
    parameters = trained_parameters(model, "full")
    with tempfile.TemporaryDirectory(prefix="guards-") as name:
        guards = made(GUARDS[guard], model, parameters, Path(name))
        source = Turns(model, batch_of(model, batch_size), 2 * (steps + 2) * batch_size)
        training = TrainingConfig(epochs=1, batch_size=batch_size)
        inflight = InFlight(Path(name), "", 1e9, Request())
        loop = Loop(model, parameters, pace_of(training), guards, inflight, guard)
        source.loop, source.guards = loop, guards
        loop.run([Segment(size, source, 0)])
    return [statistics.median(times[2:]) for times in source.seconds]


def model_of(size: str) -> Backbone:
    """The model that is trained."""
    model = read_base(MINIATURE)[0]
    return model if size == "miniature" else T5Vision(BASE_SIZE, REGIONS, model.words)


def batch_of(model: Backbone, size: int) -> Batch:
    """Random images with a question of usual length."""
    shape, dtype = pixels.input_shape(model.vision)
    visual = (255 * np.random.default_rng(0).random((size, *shape))).astype(dtype)
    if dtype != np.uint8:
        visual /= 255
    questions = model.question_tokens([QUESTION] * size)
    return model.batch(visual, questions, model.words.encode([ANSWER] * size))


def made(
    config: GuardConfig, model: Backbone, parameters: FlatParameters, folder: Path
) -> tuple[Guard, ...]:
    """The guards of `config` on files of random content."""
    path = folder / "file.safetensors"
    shapes = {name: tuple(tensor.shape) for name, tensor in parameters.tensors().items()}
    header = {"format": importance_file.FORMAT, "base_sha256": "", "step": "1", "count": "1"}
    header["parts"] = json.dumps({name: model.part_of(name) for name in shapes})
    asked = ImportanceConfig()
    header["settings"] = asked.model_dump_json()
    write_tensors(path, {name: torch.rand(shape) for name, shape in shapes.items()}, header)
    if isinstance(config, MaskGuard):
        mask = folder / "mask.safetensors"
        make_mask([path], MaskSettings(mask=config), mask)
        files = GuardFiles(masks=[mask])
    else:
        files = GuardFiles(importances=[path])
    guards = guards_of(Recipe(title="", paper="", guards=(config,)), files, "", lambda path: model)
    for guard in guards:
        guard.before_stage(model, parameters)
    return guards


def timings(repeats: int, sizes: Sequence[str]) -> dict[str, harness.Timing]:
    """The plain and the guarded step of every case: medians over `repeats` processes."""
    cases = {f"{size}: {guard}": (size, guard) for size in sizes for guard in GUARDS}
    jobs = {name: partial(seconds, *case) for name, case in cases.items()}
    found: dict[str, harness.Timing] = {}
    for name, rows in harness.each_process(jobs, repeats).items():
        for kind, column in (("plain beside it", 0), ("guarded", 1)):
            walls = [row.value[column] for row in rows]
            wall = statistics.median(walls)
            found[f"{name}, {kind}"] = harness.Timing(
                wall=wall,
                cpu=statistics.median(row.cpu for row in rows),
                rss=max(row.rss for row in rows),
                spread=(max(walls) - min(walls)) / wall,
                repeats=repeats,
                value=statistics.median(row.value[1] / row.value[0] for row in rows),
            )
    return found


def goals(found: Mapping[str, harness.Timing], sizes: Sequence[str]) -> list:
    """At most 1.05 times the plain step."""
    return [
        harness.goal(
            f"step : plain step, {size}, {guard}",
            found[f"{size}: {guard}, guarded"].value,
            1.05,
            at_most=True,
        )
        for size in sizes
        for guard in GUARDS
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    args = parser.parse_args()
    found = timings(args.repeats, args.sizes)
    for name, timing in found.items():
        print(f"{name:45s} {1000 * timing.wall:9.2f} ms, peak {timing.rss:6.0f} MiB")
    bounds = goals(found, args.sizes)
    print(harness.goals_text(bounds))
    if args.json:
        args.json.write_text(json.dumps(harness.as_json("guards", found, bounds), indent=1))


if __name__ == "__main__":
    main()
