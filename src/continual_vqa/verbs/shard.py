"""Write the questions and images of one cell as webdataset shards.

The cell SPLIT/SKILL/GROUP becomes a folder with uncompressed tar shards and index.parquet. A sample
is one image, its original bytes, with a JSON member that holds all questions of the cell about it.
Identical input gives identical bytes; the folder is replaced as a whole or not at all.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa

from continual_vqa.config.shards import ShardsConfig
from continual_vqa.data.payloads import PayloadSource, open_payload
from continual_vqa.data.tables import read_questions
from continual_vqa.errors import UserError
from continual_vqa.files.reading import ARCHIVE_MARK
from continual_vqa.shards.selection import present, select_cell
from continual_vqa.shards.writer import write_cell

EXAMPLE = (
    "continual-vqa shard --questions questions.parquet --cell train/count/G1"
    " --images val2014.zip --out cells/train/count/G1"
)

DEFAULT = ShardsConfig()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("--questions", type=Path, required=True, help="questions.parquet")
    parser.add_argument("--cell", required=True, metavar="SPLIT/SKILL/GROUP", help="which cell")
    parser.add_argument(
        "--images",
        default="",
        help="the images (folder or .zip) or region features (.tsv) that the questions name; "
        "empty where they name none",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the cell, replaced")
    parser.add_argument(
        "--max-mb",
        type=float,
        default=DEFAULT.max_mb,
        help="upper size of a shard in MB (default: %(default)s)",
    )
    parser.add_argument("--no-checksums", action="store_true", help="leave out the SHA-256 sums")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Write the cell; returns its counts."""
    if not 0 < args.max_mb <= 1e6:
        raise UserError(f"--max-mb is {args.max_mb:g}", expected="above 0, at most 1,000,000")
    questions = read_questions(args.questions)
    rows = select_cell(questions, args.cell)
    if not rows.num_rows:
        found = "; ".join(f"{name}s {', '.join(v)}" for name, v in present(questions).items())
        print(f"warning: no question belongs to {args.cell}; there are {found}", file=sys.stderr)
    with _open(args.images, questions) or nullcontext() as images:
        summary = write_cell(
            rows,
            images,
            args.out,
            cell=args.cell,
            max_bytes=int(args.max_mb * 1e6),
            checksums=not args.no_checksums,
        )
    return {**asdict(summary), "out": str(args.out)}


def _open(path: str, questions: pa.Table) -> PayloadSource | None:
    """Images or features, whichever the questions' image paths point into."""
    named = next((path for path in questions["image_path"].unique().to_pylist() if path), "")
    kind = "features" if named.partition(ARCHIVE_MARK)[0].endswith(".tsv") else "images"
    return open_payload({"kind": kind, "path": path})
