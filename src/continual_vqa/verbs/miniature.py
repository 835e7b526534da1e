"""Write the miniature world in the official formats of VQA v2, COCO and GQA.

The folder gets vqav2/ (questions, annotations, COCO instances, images), gqa/ (questions, scene
graphs, images) and base/ (scene graphs and images for pretraining; no image of it is elsewhere).
The same options give the same bytes.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from continual_vqa.config.miniature import SIZES, MiniatureConfig
from continual_vqa.errors import UserError

EXAMPLE = "continual-vqa miniature --size tiny --seed 0 --out world"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    default = MiniatureConfig()
    parser.add_argument("--size", choices=list(SIZES), default=default.size)
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument(
        "--disagreement",
        type=float,
        default=default.disagreement,
        help=f"share of questions on which annotators disagree ({default.disagreement})",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Write the world that the options describe; returns its counts."""
    from continual_vqa.data.miniature.generate import generate

    begun = time.perf_counter()
    summary = generate(_config(args), args.out)
    return {
        "world": str(args.out),
        "size": args.size,
        "seed": args.seed,
        **summary,
        "seconds": round(time.perf_counter() - begun, 2),
    }


def _config(args: argparse.Namespace) -> MiniatureConfig:
    if args.seed < 0:
        raise UserError(f"is {args.seed}", where="--seed", expected="0 or more")
    if not 0 <= args.disagreement <= 1:
        raise UserError(f"is {args.disagreement}", where="--disagreement", expected="0 to 1")
    return MiniatureConfig(size=args.size, seed=args.seed, disagreement=args.disagreement)
