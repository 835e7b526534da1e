"""What a merge of two checkpoints costs against their parameters; draws the figure of it.

python -m benchmarks.merging_sizes [--sizes 5 20 80 220] [--repeats 3] [--folder DIR] [--json FILE]
                                   [--figure PNG]

T5-shaped checkpoints of so many million float32 entries, hot in the page cache, merged as the
workflow does it: base checked, report, checksums, flush.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from benchmarks import harness
from benchmarks.merging import ours
from benchmarks.merging_files import t5_shapes, write_base, write_stage
from continual_vqa.analysis.figures.style import Style
from continual_vqa.config.figures import FiguresConfig

KINDS = {"average": "average", "ties": "TIES"}
# Millions of entries -> width and layers of a T5 of about so many.
SHAPES = {5: (128, 4), 20: (256, 8), 80: (512, 10), 220: (768, 12)}
# A few windows of tensors are in memory at once, whatever the model's size.
MOST_GROWTH = 1.5
FIGURE = harness.ROOT / "docs" / "figures" / "merge-cost-parameters.png"


def run(args: argparse.Namespace, folder: Path) -> dict:
    """Make the files, time the merges, draw the figure, return the figures as plain data."""
    cases: dict[str, harness.Case] = {}
    entries: dict[int, int] = {}
    moved: dict[int, int] = {}
    out = folder / "out"
    for size in args.sizes:
        width, layers = SHAPES[size]
        shapes = t5_shapes(width, layers, 32_128)
        entries[size] = sum(int(np.prod(shape)) for shape in shapes.values())
        base = folder / f"{size}-base.safetensors"
        models = [folder / f"{size}-{number}.safetensors" for number in range(2)]
        digest = write_base(base, shapes)
        for number, model in enumerate(models):
            write_stage(model, base, shapes, digest, number)
        moved[size] = 4 * 4 * entries[size]  # two models and the base read, one written
        names = [str(model) for model in models]
        for kind, title in KINDS.items():
            merged = str(out / "merged")
            cases[f"{title}, {size}M"] = partial(ours, str(base), names, merged, kind, True, True)

    def clean(_: str) -> None:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        os.sync()

    timings = harness.measure(cases, args.repeats, before=clean)
    title = "a merge of two checkpoints of so many million float32 entries"
    print(harness.report(title, timings, reference=next(iter(cases))))
    goals = []
    if len(args.sizes) > 1:
        small, large = min(args.sizes), max(args.sizes)
        growth = timings[f"average, {large}M"].rss / timings[f"average, {small}M"].rss
        name = f"average, peak memory of {large}M x {small}M"
        goals = [harness.goal(name, growth, MOST_GROWTH, at_most=True)]
        print(harness.goals_text(goals))
    _draw(timings, entries, moved, args.figure)
    return harness.as_json("merging_sizes", timings, goals)


def _draw(
    timings: Mapping[str, harness.Timing],
    entries: Mapping[int, int],
    moved: Mapping[int, int],
    path: Path,
) -> None:
    style = Style(FiguresConfig())
    with style.applied():
        figure = Figure(figsize=(style.width * 2, 2.6), layout="constrained")
        panels = figure.subplots(1, 3)
        millions = [entries[size] / 1e6 for size in entries]
        for number, title in enumerate(KINDS.values()):
            each = [timings[f"{title}, {size}M"] for size in entries]
            look = {"color": style.colour(number), "marker": style.marker(number), "label": title}
            panels[0].plot(millions, [t.wall for t in each], **look)
            panels[1].plot(millions, [t.rss for t in each], **look)
        panels[2].plot(millions, [value / 1e9 for value in moved.values()], color="#666666")
        titles = ("time (s)", "peak memory (MiB)", "read and written (GB)")
        for axes, title in zip(panels, titles, strict=True):
            axes.set_title(title)
            axes.set_xlabel("parameters (millions)")
            axes.set_xlim(left=0)
            axes.set_ylim(bottom=0)
            axes.grid(axis="y")
        panels[0].legend(frameon=False)
        figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    parser.add_argument("--figure", type=Path, default=FIGURE, help="where the figure goes")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    args = parser.parse_args()
    mpl.use("agg")
    with tempfile.TemporaryDirectory(prefix="merging-", dir=args.folder) as name:
        result = run(args, Path(name))
    if args.json:
        args.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
