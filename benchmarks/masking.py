"""A whole mask, from importance files to bits on disk: time and memory at full size.

python -m benchmarks.masking [--entries 220000000] [--tasks 3] [--repeats 3] [--json FILE]

The importance files hold as many float32 squares as a T5-base has weights, in tensors of its
shapes (768 x 768 and an embedding). Memory is told as a share of one importance file, above what a
single read of it (`floor`) takes.
"""

from __future__ import annotations

import argparse
import functools
import json
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.harness import as_json, goal, goals_text, importing, measure, report
from continual_vqa.config.guards import MaskGuard
from continual_vqa.config.importance import ImportanceConfig
from continual_vqa.consolidation.importance_file import Share, header
from continual_vqa.files.tensors import ArrayFile, write_file

T5_BASE = 220_000_000  # entries, about
WIDTH, VISION = 768, 0.02  # side of a layer's matrix; share of entries that count as vision
_MEBI = 2**20


def layout(entries: int) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """Shapes and parts: an embedding, many square matrices, and some that are vision."""
    count = max(2, entries * 8 // 9 // WIDTH**2)
    shapes: dict[str, tuple[int, ...]] = {
        f"layer.{number:03d}.weight": (WIDTH, WIDTH) for number in range(count)
    }
    shapes["embedding.weight"] = (max(1, entries // 9 // WIDTH), WIDTH)
    seen = max(1, round(VISION * count))
    parts = dict.fromkeys(shapes, "language")
    parts |= dict.fromkeys(sorted(shapes)[1 : 1 + seen], "vision")
    return shapes, parts


def write_importance(path: Path, entries: int, task: int) -> None:
    """The importance of task `task` (from 1): squares of normal numbers."""
    shapes, parts = layout(entries)
    numbers = np.random.default_rng(task)
    content = header(
        base_sha256="base",
        stage=f"stage-{task}",
        task=f"task-{task}",
        step=task,
        parts=parts,
        settings=ImportanceConfig(),
        count=300,
        share=Share(),
    )
    write_file(
        path,
        {name: ("F32", shape) for name, shape in shapes.items()},
        content,
        lambda name: (numbers.standard_normal(shapes[name], np.float32) ** 2).tobytes(),
    )


@importing("continual_vqa.consolidation.masks")
def floor(paths: list[str], out: str) -> float:
    """One read of the first file."""
    file = ArrayFile(paths[0])
    return max(float(file[name].max()) for name in file)


@importing("continual_vqa.consolidation.masks")
def mask(paths: list[str], out: str, accumulate: str) -> int:
    """The mask of all tasks; returns the protected entries."""
    from continual_vqa.consolidation.masks import MaskSettings, make_mask

    guard = MaskGuard.model_validate({"accumulate": accumulate})
    summary = make_mask(paths, MaskSettings(mask=guard), out)
    return sum(row["protected"] for row in summary.values())


def main() -> None:
    """Write the importances, make every mask, print the table and the goals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=T5_BASE)
    parser.add_argument("--tasks", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="OUT")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / f"{task}.safetensors") for task in range(1, args.tasks + 1)]
        for task, path in enumerate(paths, start=1):
            write_importance(Path(path), args.entries, task)
        size = Path(paths[0]).stat().st_size / _MEBI
        out = str(Path(folder) / "mask.safetensors")
        several = f"{args.tasks}_tasks"
        cases = {
            "floor": functools.partial(floor, paths, out),
            "one_task": functools.partial(mask, paths[:1], out, "max"),
            f"{several}_max": functools.partial(mask, paths, out, "max"),
            f"{several}_union": functools.partial(mask, paths, out, "union"),
        }
        timings = measure(cases, args.repeats, warmups=0)
    title = f"masking: {args.entries:,} entries, an importance file of {size:,.0f} MiB"
    print(report(title, timings, reference="floor"))
    base = timings["floor"].rss
    goals = [
        goal(f"peak, {name}, x importance file", (timing.rss - base) / size, 1.5, at_most=True)
        for name, timing in timings.items()
        if name != "floor"
    ]
    print(goals_text(goals))
    if args.json:
        args.json.write_text(json.dumps(as_json("masking", timings, goals), indent=1) + "\n")


if __name__ == "__main__":
    main()
