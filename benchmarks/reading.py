"""Reading shards: ours against stock webdataset and tarfile, without decoding and with it.

python -m benchmarks.reading [--samples 10000] [--decoded 2000] [--repeats 5] [--json FILE]

All cases read the same shards, which lie in memory (page cache). Ours copies every payload to
bytes, as the peers do, and gives the parsed question with it, which they do not.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import harness, material
from continual_vqa.shards.decode import pixel_decoder
from continual_vqa.shards.loader import load
from continual_vqa.shards.order import batches, epoch_order
from continual_vqa.shards.reader import open_cells
from continual_vqa.shards.writer import write_cell

SIZE, WORKERS, BATCH = 224, 2, 64


def ours(cell: str, shuffled: bool, verify: bool) -> int:
    """Every question with its payload as bytes."""
    cells = open_cells([cell], verify=verify)
    order = epoch_order(len(cells), 0, 0) if shuffled else np.arange(len(cells))
    return sum(len(bytes(cells[number].payload)) for number in order.tolist())


def ours_decoded(cell: str, draft: bool, verify: bool) -> int:
    """Decoded batches in shuffled order, with worker threads."""
    cells = open_cells([cell], verify=verify)
    decode = pixel_decoder(SIZE, draft=draft)
    order = batches(len(cells), BATCH, 0, 0)
    return sum(len(batch.arrays) for batch in load(cells, order, WORKERS, decode))


def cat(shards: list[str]) -> int:
    """Nothing but reading the files."""
    total = 0
    for shard in shards:
        with open(shard, "rb", buffering=0) as handle:
            while block := handle.read(1 << 20):
                total += len(block)
    return total


def cell(folder: Path, samples: int) -> tuple[str, list[str]]:
    """A cell of `samples` JPEGs of about 40 KB, in at least a few shards, and its shards."""
    source, out = folder / "images", folder / "cell"
    material.make(source, samples, 40_000, pictures=True)
    write_cell(
        material.rows(source),
        material.Folder(source),
        out,
        cell=material.CELL,
        max_bytes=max(10_000_000, min(256_000_000, samples * 10_000)),
    )
    return str(out), sorted(map(str, out.glob("*.tar")))


def raw(folder: Path, samples: int, repeats: int) -> dict[str, harness.Timing]:
    """Reading without decoding."""
    from benchmarks import reading_peers

    ours_cell, shards = cell(folder, samples)
    cases = {
        "ours": partial(ours, ours_cell, False, False),
        "ours, shuffled": partial(ours, ours_cell, True, False),
        "ours, shuffled, sha256": partial(ours, ours_cell, True, True),
        "webdataset": partial(reading_peers.webdataset, shards),
        "tarfile": partial(reading_peers.standard_tarfile, shards),
        "cat": partial(cat, shards),
    }
    timings = harness.measure(cases, repeats)
    print(harness.report(f"reading {samples:,} samples", timings, reference="webdataset"))
    return timings


def decoded(folder: Path, samples: int, repeats: int) -> dict[str, harness.Timing]:
    """Reading with decoding to 224 pixels by two workers."""
    from benchmarks.reading_peers import webdataset_decoded as peer

    ours_cell, shards = cell(folder, samples)
    cases = {
        "ours, decoded": partial(ours_decoded, ours_cell, False, False),
        "ours, decoded, sha256": partial(ours_decoded, ours_cell, False, True),
        "ours, decoded, draft": partial(ours_decoded, ours_cell, True, False),
        "webdataset, decoded": partial(peer, shards, SIZE, WORKERS, BATCH, False),
        "webdataset, decoded, bilinear": partial(peer, shards, SIZE, WORKERS, BATCH, True),
    }
    timings = harness.measure(cases, repeats)
    title = f"reading and decoding {samples:,} samples to {SIZE} pixels, {WORKERS} workers"
    print(harness.report(title, timings, reference="webdataset, decoded"))
    return timings


def goals(timings: Mapping[str, harness.Timing], decoding: Mapping[str, harness.Timing]) -> list:
    """The figures that the project aims at."""
    raw_ratios = {
        "x webdataset, not decoded": harness.ratio(timings, "webdataset", "ours"),
        "x webdataset, not decoded, shuffled": harness.ratio(
            timings, "webdataset", "ours, shuffled"
        ),
    }
    ours_fast = "ours, decoded, draft"
    return [
        *(harness.goal(name, value, 6) for name, value in raw_ratios.items()),
        harness.goal(
            "x webdataset + Pillow, draft",
            harness.ratio(decoding, "webdataset, decoded", ours_fast),
            2.5,
        ),
        harness.goal(
            "x webdataset + Pillow with our filter, draft",
            harness.ratio(decoding, "webdataset, decoded, bilinear", ours_fast),
            2.5,
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=10_000, help="without decoding")
    parser.add_argument("--decoded", type=int, default=2_000, help="with decoding")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reading-", dir=args.folder) as name:
        timings = raw(Path(name) / "raw", args.samples, args.repeats)
        decoding = decoded(Path(name) / "decoded", args.decoded, args.repeats)
    found = goals(timings, decoding)
    print(harness.goals_text(found))
    if args.json:
        result = harness.as_json("reading", {**timings, **decoding}, found)
        args.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
