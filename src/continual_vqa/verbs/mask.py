"""Choose which trained entries are protected after some tasks, and write them as one bit each.

The importance files are those of the tasks so far, in the order of their steps. The header of the
mask tells for each part how many entries are protected and from which importance on.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from continual_vqa.consolidation.masks import MaskSettings, make_mask
from continual_vqa.training.settings import read_settings

EXAMPLE = (
    "continual-vqa mask --importance importance-1.safetensors importance-2.safetensors "
    '--settings \'{"mask": {"scope": "per_part", "budget": {"vision": 0.5, "language": 0.5}}}\' '
    "--out mask.safetensors"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument(
        "--importance",
        nargs="+",
        type=Path,
        required=True,
        metavar="FILE",
        help="importance files of successive tasks",
    )
    parser.add_argument(
        "--settings", required=True, help='JSON text or file: {"mask": {scope, budget, ...}}'
    )
    parser.add_argument("--out", type=Path, required=True, help="mask to write")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Write the mask; returns what each part protects."""
    summary = make_mask(args.importance, read_settings(args.settings, MaskSettings), args.out)
    parts = [{"part": part, **row} for part, row in summary.items()]
    return {"tasks": len(args.importance), "parts": parts, "out": str(args.out)}


def describe(summary: dict[str, Any]) -> str:
    """One line for each part."""
    lines = [f"mask over {summary['tasks']} tasks -> {summary['out']}"]
    for row in summary["parts"]:
        threshold = row["threshold"]
        lines.append(
            f"{row['part']}: {row['protected']:,} of {row['entries']:,} entries protected"
            f" ({row['share']:.1%})"
            + (f", importance from {threshold:.3g}" if threshold is not None else "")
            + (f", {row['zero_importance']:,} of them 0" if row["zero_importance"] else "")
        )
    return "\n".join(lines)
