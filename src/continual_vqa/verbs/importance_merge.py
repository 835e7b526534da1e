"""Add up the importance files of all ranks of one measurement.

Refused are files of different bases, stages or settings, and ranks that are missing or given twice.
"""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLE = (
    "continual-vqa importance-merge --files rank-0.safetensors rank-1.safetensors "
    "--out importance.safetensors"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--files",
        type=Path,
        nargs="+",
        required=True,
        metavar="FILE",
        help="importance files written with --rank and --world, all ranks, in any order",
    )
    parser.add_argument("--out", type=Path, required=True, help="importance file to write")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Write the sum."""
    from continual_vqa.consolidation.importance_file import merge

    header = merge(args.files, args.out)
    return {
        "stage": header["stage"],
        "files": len(args.files),
        "questions": int(header["count"]),
        "importance": str(args.out),
    }
