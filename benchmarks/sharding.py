"""Writing shards: ours against webdataset.ShardWriter, tarfile and plain copying of the bytes.

python -m benchmarks.sharding [--samples 50000] [--kilobytes 40] [--repeats 5] [--json FILE]

All cases read the same image files and questions.parquet and write shards of at most 256 MB. Ours
flushes to disk before it renames, which no peer does: it is timed with that and without it.
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

from benchmarks import harness, material
from continual_vqa.shards.writer import write_cell

MAX_BYTES = 256_000_000


def ours(source: str, out: str, checksums: bool, flush: bool) -> dict[str, int]:
    """`write_cell`, as the shard verb calls it; without `flush` as lax as the peers."""
    if not flush:
        os.fsync = lambda descriptor: None
    folder = Path(source)
    summary = write_cell(
        material.rows(folder),
        material.Folder(folder),
        Path(out) / "ours",
        cell=material.CELL,
        max_bytes=MAX_BYTES,
        checksums=checksums,
    )
    return {"bytes": summary.bytes, "shards": summary.shards}


def copy(source: str, out: str, flush: bool) -> None:
    """Nothing but the payloads, one after the other, into files of the same size."""
    folder = Path(source)
    images = material.Folder(folder)
    sink, size, number = -1, 0, 0
    for name in material.rows(folder)["image_path"].to_pylist():
        payload = images.read(name)
        if sink < 0 or size + len(payload) > MAX_BYTES:
            _close(sink, flush)
            sink, size = os.open(f"{out}/{number:05d}.bin", os.O_WRONLY | os.O_CREAT, 0o666), 0
            number += 1
        size += os.write(sink, payload)
    _close(sink, flush)


def _close(descriptor: int, flush: bool) -> None:
    if descriptor >= 0:
        if flush:
            os.fsync(descriptor)
        os.close(descriptor)


def run(samples: int, kilobytes: int, repeats: int, folder: Path) -> dict:
    """Make the material, time the cases, print the table, return it as plain data."""
    from benchmarks import sharding_peers  # imports torch, which our own cases are not to pay for

    source, out = folder / "images", folder / "out"
    material.make(source, samples, kilobytes * 1000, pictures=False)
    cases = {
        "ours": partial(ours, str(source), str(out), False, False),
        "ours, flushed": partial(ours, str(source), str(out), False, True),
        "ours, flushed, sha256": partial(ours, str(source), str(out), True, True),
        "webdataset": partial(sharding_peers.webdataset, str(source), str(out), MAX_BYTES),
        "tarfile": partial(sharding_peers.standard_tarfile, str(source), str(out)),
        "copy": partial(copy, str(source), str(out), False),
        "copy, flushed": partial(copy, str(source), str(out), True),
    }

    def clean(_: str) -> None:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        # What the case before left to be written must not slow the next one down.
        os.sync()

    timings = harness.measure(cases, repeats, before=clean)
    goals = [
        _goal(timings, "x webdataset.ShardWriter", "webdataset", "ours", 6),
        _goal(timings, "x copying", "ours", "copy", 1.4),
        _goal(timings, "x copying, both flushed", "ours, flushed", "copy, flushed", 1.4),
    ]
    title = f"sharding: {samples:,} samples of {kilobytes} KB"
    print(harness.report(title, timings, reference="webdataset"))
    print(harness.goals_text(goals))
    added = harness.ratio(timings, "ours, flushed, sha256", "ours, flushed") - 1
    print(f"sha256 adds {added:.0%} wall time")
    return harness.as_json("sharding", timings, goals)


def _goal(
    timings: Mapping[str, harness.Timing], name: str, slow: str, fast: str, target: float
) -> dict:
    value = harness.ratio(timings, slow, fast)
    return harness.goal(name, value, target, at_most=target < 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=50_000)
    parser.add_argument("--kilobytes", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sharding-", dir=args.folder) as name:
        result = run(args.samples, args.kilobytes, args.repeats, Path(name))
    if args.json:
        args.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
