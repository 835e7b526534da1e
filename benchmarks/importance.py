"""Importance of every weight: the per-sample pass against a plain one, and one sample at a time.

python -m benchmarks.importance [--large] [--repeats 5] [--threads 1] [--json FILE]

The same samples, on the shipped miniature and with --large also on a model of T5-base's size (223M
entries, random weights, 36 regions): one forward and backward pass for each batch; the sums of
squared gradients of every sample, as the verb `importance` computes them; and these sums by one
backward pass for each sample. Then the addition of one batch's squared gradient to sums of 223M
entries, ours and by clone and pow. Each case in fresh processes, in shuffled order; what is set up
beforehand, and a first pass, are not timed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks import harness
from continual_vqa.backbones.base import Backbone, Batch
from continual_vqa.backbones.folder import read_base
from continual_vqa.backbones.pixels import input_shape
from continual_vqa.backbones.t5_layers import T5Shape
from continual_vqa.backbones.t5_vision import T5Vision
from continual_vqa.config.backbone import VisionConfig
from continual_vqa.config.importance import ImportanceConfig
from continual_vqa.consolidation.importance import ImportanceSums, accumulate

MINIATURE = harness.ROOT / "config" / "bases" / "miniature"
BASE_SIZE = T5Shape(32128, 768, 64, 12, 3072, 12, 12)
# Size -> samples of a batch, batches.
SIZES = {"miniature": (32, 10), "T5-base size": (8, 1)}


def model_of(size: str) -> Backbone:
    """The shipped miniature, or random weights in T5-base's shapes."""
    words = read_base(MINIATURE)[0].words
    if size == "miniature":
        return read_base(MINIATURE)[0]
    return T5Vision(BASE_SIZE, VisionConfig(kind="regions"), words)


def batches(model: Backbone, size: int, count: int) -> list[Batch]:
    """Questions of 7 to 12 tokens with answers of one or two words, about random images."""
    rng = np.random.default_rng(0)
    shape, dtype = input_shape(model.vision)

    def tokens(least: int, most: int) -> list[np.ndarray]:
        rows = (rng.integers(3, model.words.size, rng.integers(least, most)) for _ in range(size))
        return [np.append(row, model.words.end) for row in rows]

    made = []
    for _ in range(count):
        visual = (rng.random((size, *shape)) * (255 if dtype == np.uint8 else 1)).astype(dtype)
        made.append(model.batch(visual, tokens(6, 12), tokens(1, 3)))
    return made


def one_at_a_time(model: Backbone, made: list[Batch], sums: Mapping[str, Tensor]) -> None:
    """As it is commonly done: batches of one, gradients squared after each."""
    for batch in made:
        for number in range(len(batch.questions)):
            rows = slice(number, number + 1)
            assert batch.answers is not None
            alone = Batch(
                batch.visual[rows], batch.questions[rows], batch.mask[rows], batch.answers[rows]
            )
            plain(model, [alone])
            with torch.no_grad():
                for name, parameter in model.named_parameters():
                    if parameter.grad is not None:
                        sums[name].addcmul_(parameter.grad, parameter.grad)


def plain(model: Backbone, made: list[Batch]) -> None:
    """One forward and backward pass for each batch."""
    for batch in made:
        model.zero_grad()
        model.losses(batch).sum().backward()


def passes(size: str, case: str, threads: int) -> dict[str, float]:
    """Seconds of one case over the samples."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = model_of(size).eval()
    made = batches(model, *SIZES[size])
    if case == "importance":
        names = [name for name, _ in model.named_parameters()]
        measured = ImportanceSums(model, names, ImportanceConfig())

        def work() -> None:
            for batch in made:
                measured.add(batch)
    elif case == "one at a time":
        sums = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
        work = partial(one_at_a_time, model, made, sums)
    else:
        work = partial(plain, model, made)
    return timed(work, 5 if size == "miniature" else 1)


def addition(case: str, threads: int) -> dict[str, float]:
    """Seconds of adding one squared gradient to sums of 223M entries."""
    torch.set_num_threads(threads)
    with torch.device("meta"):
        words = read_base(MINIATURE)[0].words
        model = T5Vision(BASE_SIZE, VisionConfig(kind="regions"), words)
    gradients = [torch.full(p.shape, 0.5) for p in model.parameters()]
    sums = [torch.full(p.shape, 0.5) for p in model.parameters()]

    def naive() -> None:
        for total, gradient in zip(sums, gradients, strict=True):
            total += gradient.clone().pow(2) / 32

    ours = partial(accumulate, sums, gradients, "squared", 32)
    return timed(ours if case == "ours" else naive, 5)


def timed(work: Callable[[], object], times: int) -> dict[str, float]:
    """Median wall and CPU seconds of `work`, after a first time."""
    walls, cpus = [], []
    for turn in range(times + 1):
        wall, cpu = time.perf_counter(), sum(os.times()[:2])
        work()
        if turn:
            walls.append(time.perf_counter() - wall)
            cpus.append(sum(os.times()[:2]) - cpu)
    return {"wall": statistics.median(walls), "cpu": statistics.median(cpus)}


def measure(cases: Mapping[str, harness.Case], repeats: int) -> dict[str, harness.Timing]:
    """As `harness.measure`, of what the cases themselves have timed."""
    rows: dict[str, list[harness.Timing]] = {name: [] for name in cases}
    for turn in range(repeats):
        for name, row in harness.measure(cases, 1, warmups=0, seed=turn).items():
            rows[name].append(row)
    return dict(_medians(rows))


def _medians(rows: Mapping[str, list[harness.Timing]]) -> Iterator[tuple[str, harness.Timing]]:
    for name, found in rows.items():
        walls = [row.value["wall"] for row in found]
        wall = statistics.median(walls)
        cpu = statistics.median(row.value["cpu"] for row in found)
        rss = statistics.median(row.rss for row in found)
        spread = (max(walls) - min(walls)) / wall
        yield name, harness.Timing(wall, cpu, rss, spread, len(walls), None)


def run(repeats: int, threads: int, large: bool) -> dict:
    """Time the cases, print the tables, return them as plain data."""
    timings: dict[str, harness.Timing] = {}
    goals = []
    for size in SIZES if large else ["miniature"]:
        names = [
            f"{size}, {case}" for case in ("forward + backward", "importance", "one at a time")
        ]
        cases = {n: partial(passes, size, n.removeprefix(f"{size}, "), threads) for n in names}
        timings |= (found := measure(cases, repeats))
        print(harness.report(f"importance: {size}", found, reference=names[0]))
        cost, gain = (harness.ratio(found, *pair) for pair in (names[1::-1], names[:0:-1]))
        goals.append(
            harness.goal(f"{size}: importance / forward + backward", cost, 2.5, at_most=True)
        )
        goals.append(harness.goal(f"{size}: x one at a time", gain, 1.4))
    names = ["223M sums, clone and pow", "223M sums, ours"]
    cases = {name: partial(addition, name.removeprefix("223M sums, "), threads) for name in names}
    timings |= (found := measure(cases, repeats))
    print(harness.report("adding a squared gradient", found, reference=names[0]))
    goals.append(harness.goal("x clone and pow", harness.ratio(found, *names), 5))
    print(harness.goals_text(goals))
    return harness.as_json("importance", timings, goals)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--large", action="store_true", help="also at T5-base's size (6 GB)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    args = parser.parse_args()
    result = run(args.repeats, args.threads, args.large)
    if args.json:
        args.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
