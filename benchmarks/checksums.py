"""What the checksums of tensor files and tables cost, beside files without and beside SHA-256.

python -m benchmarks.checksums [--mib 512] [--rows 500000] [--repeats 3] [--json FILE]

The files without checksums are those of the stock writers, read by the same reader.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import save_file

from benchmarks.harness import as_json, goal, goals_text, importing, measure, ratio, report
from continual_vqa.files.parquet import read_table, write_table
from continual_vqa.files.tensors import write_arrays

SCHEMA = pa.schema([("question", pa.string()), ("accuracy", pa.float64())])
_TENSORS = 16


def write_files(folder: Path, mib: int, rows: int) -> None:
    """The same tensors, and the same table, with checksums and without."""
    draw = np.random.default_rng(0)
    arrays = {
        f"layer.{n}": draw.standard_normal(mib * 2**18 // _TENSORS, np.float32)
        for n in range(_TENSORS)
    }
    write_arrays(folder / "sums.safetensors", arrays, {"format": "x"})
    save_file(arrays, folder / "none.safetensors", {"format": "x"})
    questions = [f"what color is the thing number {n}?" for n in range(rows)]
    table = pa.table({"question": questions, "accuracy": draw.random(rows)}, schema=SCHEMA)
    write_table(folder / "sums.parquet", table, SCHEMA)
    pq.write_table(table, folder / "none.parquet", compression="zstd", compression_level=3)


@importing("continual_vqa.backbones.tensor_file")
def read_file(path: str) -> int:
    """Read all tensors into memory, as a job does."""
    from continual_vqa.backbones.tensor_file import read_tensors

    return len(read_tensors(path)[1])


def read_rows(path: str) -> int:
    """Read a whole table."""
    return read_table(path, SCHEMA).num_rows


def crc32(path: str) -> int:
    """The CRC-32 of a file."""
    return zlib.crc32(Path(path).read_bytes())


def sha256(path: str) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def main() -> None:
    """Write the files, read them in all ways, print the table and the goals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=512)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="OUT")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder, args.mib, args.rows)
        path = {p.name: str(p) for p in folder.iterdir()}
        cases = {
            "tensors_without": functools.partial(read_file, path["none.safetensors"]),
            "tensors": functools.partial(read_file, path["sums.safetensors"]),
            "table_without": functools.partial(read_rows, path["none.parquet"]),
            "table": functools.partial(read_rows, path["sums.parquet"]),
            "crc32": functools.partial(crc32, path["none.safetensors"]),
            "sha256": functools.partial(sha256, path["none.safetensors"]),
        }
        timings = measure(cases, args.repeats, warmups=1)
    title = f"checksums: {args.mib} MiB of tensors, a table of {args.rows:,} rows"
    print(report(title, timings, reference="tensors_without"))
    goals = [
        goal(f"{kind}, x without", ratio(timings, kind, f"{kind}_without"), 1.5, at_most=True)
        for kind in ("tensors", "table")
    ]
    print(goals_text(goals))
    if args.json:
        args.json.write_text(json.dumps(as_json("checksums", timings, goals), indent=1) + "\n")


if __name__ == "__main__":
    main()
