"""Merging checkpoints of T5-base size: ours against load + average, mergekit and plain copying.

python -m benchmarks.merging [--counts 2 3 8] [--repeats 5] [--folder DIR] [--json FILE]
                             [--width 768 --layers 12 --words 32128] [--seven-billion LAYERS]

Files are hot in the page cache. `copy` reads every byte of the models once and writes as much as
the merged file has: the floor. Ours flushes to disk before it renames, which no peer does; it is
timed without that, and once with everything that the workflow asks for (base, report, checksums,
flush). Eight models take 18 GB of disk (as much again as pickles).

mergekit is run where `python -m benchmarks.mergekit_check` has made its environment.

`--seven-billion 32` measures the memory of an average of two models of 7B shape (bfloat16): their
files are sparse, the merged one takes 13.5 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import harness, merging_peers
from benchmarks.mergekit_check import VENV
from benchmarks.merging_files import llama_shapes, sparse, t5_shapes, write_base, write_stage
from continual_vqa.config.merge import AverageMerge, MergeConfig, TiesMerge
from continual_vqa.consolidation.merging import MergeJob, merge_files

PIECE = 1 << 22  # bytes copied at once
MOST = 3  # models of the cases that take long


def ours(
    base: str, models: Sequence[str], out: str, kind: str, full: bool, workflow: bool
) -> dict[str, int]:
    """One merge; `workflow`: with checksums and the flush to disk."""
    if not workflow:
        os.fsync = lambda descriptor: None
    config: MergeConfig = AverageMerge(of="all") if kind == "average" else TiesMerge(of="all")
    paths = [Path(model) for model in models]
    job = MergeJob(Path(base), paths, config, len(paths), full=full, checksums=workflow)
    report = merge_files(job, out)
    return {"bytes_read": report["bytes_read"], "bytes_written": report["bytes_written"]}


def copy(models: Sequence[str], out: str) -> None:
    """Every byte of the models is read, those of the first are written."""
    first, *others = (np.memmap(model, np.uint8, "r") for model in models)
    with open(out, "wb") as sink:
        for start in range(0, len(first), PIECE):
            sink.write(first[start : start + PIECE].data)
            for other in others:
                other[start : start + PIECE].max()


def run(args: argparse.Namespace, folder: Path) -> dict:
    """Make the files, time the cases, print the table, return it as plain data."""
    shapes = t5_shapes(args.width, args.layers, args.words)
    entries = sum(int(np.prod(shape)) for shape in shapes.values())
    base, out = folder / "base.safetensors", folder / "out"
    digest = write_base(base, shapes)
    models = [folder / f"{i}.safetensors" for i in range(max(args.counts))]
    for number, path in enumerate(models):
        write_stage(path, base, shapes, digest, number)
    names = [str(path) for path in models]
    pickles = [str(path.with_suffix(".pt")) for path in models]
    for name, pickle in zip(names, pickles, strict=True):
        merging_peers.pickled(name, pickle)
    cases: dict[str, harness.Case] = {}
    for count in args.counts:
        these, merged = names[:count], str(out / "merged")
        cases |= {
            f"torch.load, {count}": partial(merging_peers.torch_load, pickles[:count], merged),
            f"load_file, {count}": partial(merging_peers.load_file, these, merged),
            f"ours, {count}": partial(ours, str(base), these, merged, "average", False, False),
            f"ours, report, {count}": partial(
                ours, str(base), these, merged, "average", True, False
            ),
            f"ours, as in the workflow, {count}": partial(
                ours, str(base), these, merged, "average", True, True
            ),
            f"copy, {count}": partial(copy, these, merged),
        }
    few = min(MOST, max(args.counts))
    ties = f"ours, TIES, {few}"
    cases[ties] = partial(ours, str(base), names[:few], str(out / "merged"), "ties", False, False)
    cases |= _mergekit(folder, str(base), names[:few])

    def clean(_: str) -> None:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        # What the case before left to be written must not slow the next one down.
        os.sync()

    timings = harness.measure(cases, args.repeats, before=clean)
    goals = _goals(timings, args.counts, few)
    title = f"merging: {entries:,} float32 entries in {len(shapes)} tensors; number of models"
    print(harness.report(title, timings, reference=f"load_file, {args.counts[0]}"))
    print(harness.goals_text(goals))
    return harness.as_json("merging", timings, goals)


def _mergekit(folder: Path, base: str, models: Sequence[str]) -> dict[str, harness.Case]:
    if not (VENV / "bin" / "mergekit-pytorch").exists():
        print(f"no mergekit in {VENV}: it is left out")
        return {}
    cases: dict[str, harness.Case] = {}
    for method, parameters in (("linear", {}), ("ties", {"density": 0.2, "normalize": True})):
        config = folder / f"{method}.yaml"
        merging_peers.mergekit_config(config, method, base, models, **parameters)
        command = merging_peers.mergekit(VENV, config, folder / "out" / "mergekit")
        cases[f"mergekit {method}, {len(models)}"] = command
    return cases


def _goals(timings: Mapping[str, harness.Timing], counts: Sequence[int], few: int) -> list[dict]:
    goals = []
    for count in counts:
        mine = f"ours, {count}"
        goals += [
            harness.goal(
                f"average of {count}, x load_file",
                harness.ratio(timings, f"load_file, {count}", mine),
                3,
            ),
            harness.goal(
                f"average of {count}, x copying",
                harness.ratio(timings, mine, f"copy, {count}"),
                1.25,
                at_most=True,
            ),
            harness.goal(
                f"average of {count}, report, x without",
                harness.ratio(timings, f"ours, report, {count}", mine),
                2,
                at_most=True,
            ),
            harness.goal(f"average of {count}, peak MiB", timings[mine].rss, 64, at_most=True),
        ]
    ties, peer = f"ours, TIES, {few}", f"mergekit ties, {few}"
    goals.append(harness.goal(f"TIES of {few}, peak MiB", timings[ties].rss, 64, at_most=True))
    if peer in timings:
        value = harness.ratio(timings, peer, ties)
        goals.append(harness.goal(f"TIES of {few}, x mergekit", value, 12))
    return goals


def seven_billion(layers: int, folder: Path) -> dict:
    """The memory of an average of two bfloat16 models of 7B shape (with 32 layers)."""
    shapes = llama_shapes(layers)
    need = 2 * sum(int(np.prod(shape)) for shape in shapes.values())
    free = shutil.disk_usage(folder).free
    if free < 1.2 * need:
        raise SystemExit(f"{folder}: {free / 1e9:.0f} GB free, {need / 1e9:.0f} GB needed")
    for name, kind in (("base", "base"), ("0", "stage"), ("1", "stage")):
        sparse(folder / f"{name}.safetensors", shapes, kind)
    base, *models = (str(folder / f"{name}.safetensors") for name in ("base", "0", "1"))
    case = partial(ours, base, models, str(folder / "merged"), "average", True, False)
    timings = harness.measure({"ours, 7B": case}, 1, warmups=0)
    goals = [harness.goal("7B shape, peak MiB", timings["ours, 7B"].rss, 2048, at_most=True)]
    print(harness.report(f"{need / 1e9:.1f} GB a model", timings, reference="ours, 7B"))
    print(harness.goals_text(goals))
    return harness.as_json("merging", timings, goals)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[2, 3, 8], help="of models")
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--words", type=int, default=32_128)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    parser.add_argument("--seven-billion", type=int, metavar="LAYERS", help="this alone; 32: 7B")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="merging-", dir=args.folder) as name:
        if args.seven_billion:
            result = seven_billion(args.seven_billion, Path(name))
        else:
            result = run(args, Path(name))
    if args.json:
        args.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
