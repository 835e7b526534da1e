"""What a stage of a bank of adapters costs, against the number of tasks; draws the figure of it.

python -m benchmarks.bank [--tasks 1 5 10 20 40] [--repeats 3] [--json FILE] [--figure PNG]

A T5 of T5-base's width (768) and three of its twelve layers on each side, random weights, 36
regions, batches of 8 on one thread, adapters of width 48. Three cases for every number of tasks: a
step of the expansion phase, which trains the newest adapter; a step that trains all adapters again;
and an answer. The reference is a single adapter. The time of a step is the median over a process,
and the median over the processes is shown.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure

from benchmarks import harness
from benchmarks.guards import MINIATURE, REGIONS, batch_of
from continual_vqa.analysis.figures.style import Style
from continual_vqa.backbones.adapters import Adapter, Bank, initialise
from continual_vqa.backbones.bank import BankBranch
from continual_vqa.backbones.base import Backbone
from continual_vqa.backbones.folder import read_base
from continual_vqa.backbones.t5_layers import T5Shape
from continual_vqa.backbones.t5_vision import T5Vision
from continual_vqa.config.figures import FiguresConfig
from continual_vqa.config.tuning import BankTuning
from continual_vqa.methods.parameters import FlatParameters
from continual_vqa.training.optimiser import AdamW, Optimiser

SHAPE = T5Shape(32128, 768, 64, 12, 3072, 3, 3)
BATCH, STEPS = 8, 5
TASKS = (1, 5, 10, 20, 40)
WAYS = {"newest": "bank, newest adapter trained", "all": "bank, all adapters trained again"}
ANSWER, SINGLE = "bank, answer", "one adapter"
FIGURE = harness.ROOT / "docs" / "figures" / "atlas-stage-cost.png"


def seconds(tasks: int, way: str) -> float:
    """Median seconds of a step of training or, for the way "answer", of a batch of answers."""
    torch.set_num_threads(1)
    model = banked(tasks)
    batch = batch_of(model, BATCH)
    if way == "answer":
        model.eval()
        return timed(lambda: model.generate(batch, beams=1, length=2))
    parameters = FlatParameters(trained(model, tasks if way == "newest" else 0))
    optimiser = Optimiser(parameters, AdamW(1e-3))

    def step() -> None:
        model.losses(batch).mean().backward()
        optimiser.update(1e-3)

    return timed(step)


def timed(work: Callable[[], object]) -> float:
    """Median seconds of some calls after a first one."""
    work()
    found = []
    for _ in range(STEPS):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return statistics.median(found)


def banked(tasks: int) -> Backbone:
    """A model with a bank of so many tasks; 0: with one adapter and nothing to weight it by."""
    torch.manual_seed(0)
    model = T5Vision(SHAPE, REGIONS, read_base(MINIATURE)[0].words)
    tuning, numbers = BankTuning(), range(1, tasks + 1)
    bank = Bank(
        model.branches(),
        lambda branch: (
            BankBranch(branch, tuning, adapters=numbers, asked=numbers, task=tasks)
            if tasks
            else Adapter(branch.width, tuning.width)
        ),
    )
    model.put_bank(bank)
    initialise(model, bank.names(), 0)
    return model


def trained(model: Backbone, newest: int) -> dict[str, torch.nn.Parameter]:
    """What is trained: what belongs to the adapter `newest`; 0: the whole bank."""
    assert model.bank is not None
    ends = (f".keys.{newest}", f".queries.{newest}-{newest}")
    chosen = {
        name
        for name in model.bank.names()
        if not newest or name.endswith(ends) or f".adapters.{newest}." in name
    }
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in chosen)
    return {name: p for name, p in model.named_parameters() if name in chosen}


def timings(repeats: int, tasks: Sequence[int]) -> dict[str, harness.Timing]:
    """Every case: medians over `repeats` processes, in shuffled order."""
    cases = {f"{SINGLE}, step": (0, "all"), f"{SINGLE}, answer": (0, "answer")}
    for number in tasks:
        cases |= {f"{title}, {number} tasks": (number, way) for way, title in WAYS.items()}
        cases[f"{ANSWER}, {number} tasks"] = (number, "answer")
    jobs = {name: partial(seconds, *case) for name, case in cases.items()}
    found: dict[str, harness.Timing] = {}
    for name, rows in harness.each_process(jobs, repeats).items():
        walls = [row.value for row in rows]
        wall = statistics.median(walls)
        found[name] = harness.Timing(
            wall=wall,
            cpu=statistics.median(row.cpu for row in rows),
            rss=statistics.median(row.rss for row in rows),
            spread=(max(walls) - min(walls)) / wall,
            repeats=repeats,
            value=None,
        )
    return found


def slope(found: Mapping[str, harness.Timing], title: str, tasks: Sequence[int]) -> float:
    """Seconds that a further task adds: least squares over the numbers of tasks."""
    walls = [found[f"{title}, {number} tasks"].wall for number in tasks]
    return float(np.polyfit(tasks, walls, 1)[0])


def draw(found: Mapping[str, harness.Timing], tasks: Sequence[int], path: Path) -> None:
    """Time and memory of a training step, and time of an answer, against the number of tasks."""
    style = Style(FiguresConfig())
    with style.applied():
        figure = Figure(figsize=(style.width * 2, 2.6), layout="constrained")
        panels = figure.subplots(1, 3)
        for number, title in enumerate(WAYS.values()):
            rows = [found[f"{title}, {each} tasks"] for each in tasks]
            look = {"color": style.colour(number), "marker": style.marker(number), "label": title}
            panels[0].plot(tasks, [row.wall for row in rows], **look)
            panels[1].plot(tasks, [row.rss for row in rows], **look)
        answers = [1000 * found[f"{ANSWER}, {each} tasks"].wall / BATCH for each in tasks]
        panels[2].plot(tasks, answers, color=style.colour(0), marker=style.marker(0))
        single = {"color": "#666666", "linestyle": "--", "linewidth": 0.8, "label": SINGLE}
        step, answer = found[f"{SINGLE}, step"], found[f"{SINGLE}, answer"]
        for axes, value in zip(
            panels, (step.wall, step.rss, 1000 * answer.wall / BATCH), strict=True
        ):
            axes.axhline(value, **single)
        titles = ("training step (s)", "peak memory (MiB)", "answer (ms / question)")
        for axes, title in zip(panels, titles, strict=True):
            axes.set_title(title)
            axes.set_xlabel("tasks learned so far")
            axes.set_xlim(left=0)
            axes.set_ylim(bottom=0)
            axes.grid(axis="y")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
        figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, nargs="+", default=list(TASKS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--figure", type=Path, default=FIGURE, help="where the figure goes")
    args = parser.parse_args()
    mpl.use("agg")
    found = timings(args.repeats, args.tasks)
    print(harness.report("steps and answers", found, reference=f"{SINGLE}, step"))
    most = max(args.tasks)
    newest, every = (found[f"{title}, {most} tasks"] for title in WAYS.values())
    bounds = [
        harness.goal(
            f"newest : all trained again, {most} tasks, step",
            newest.wall / every.wall,
            1,
            at_most=True,
        ),
        harness.goal(
            f"newest : all trained again, {most} tasks, memory",
            newest.rss / every.rss,
            1,
            at_most=True,
        ),
    ]
    print(harness.goals_text(bounds))
    for title in (*WAYS.values(), ANSWER):
        print(f"a further task adds {1000 * slope(found, title, args.tasks):.1f} ms: {title}")
    draw(found, args.tasks, args.figure)
    if args.json:
        args.json.write_text(json.dumps(harness.as_json("bank", found, bounds), indent=1))


if __name__ == "__main__":
    main()
