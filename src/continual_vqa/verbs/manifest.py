"""List all cells of a study in one file.

One row per cell: its name, split, skill and group, counts of questions, images, shards and bytes,
and the SHA-256 of its index. Shards that are missing or of another size are refused.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from continual_vqa.files.parquet import write_table
from continual_vqa.shards.manifest import manifest
from continual_vqa.shards.tables import MANIFEST

EXAMPLE = "continual-vqa manifest --cells cells/train/count/G1 cells/train/count/G2 --out m.parquet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("--cells", nargs="+", type=Path, required=True, help="folders of cells")
    parser.add_argument("--out", type=Path, required=True, help="manifest.parquet to write")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Write the manifest; returns its totals."""
    table = manifest(args.cells)
    write_table(args.out, table, MANIFEST, note={"content": "manifest"})
    totals = {
        name: pc.sum(table[name]).as_py()  # pyright: ignore[reportAttributeAccessIssue]
        for name in ("questions", "images", "bytes", "shards")
    }
    return {"cells": table.num_rows, **totals, "out": str(args.out)}
