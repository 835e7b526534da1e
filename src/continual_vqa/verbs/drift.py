"""Compare a merge's logits with those of the models it was made of, each on its own task.

The report is JSON: for each model its stage and task, and on some of the task's training questions
the divergence of the merge in nats a token, the share of tokens on which both agree, both losses.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from continual_vqa.verbs.train import add_machine

EXAMPLE = (
    "continual-vqa drift --base base --merged merged.safetensors --models one.safetensors "
    "two.safetensors --cells train/color/G1=cells/train/color/G1 "
    '--settings \'{"stage": {"task": "color"}, "questions": 100}\' --out drift.json'
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--base", type=Path, required=True, help="base folder (see pretrain)")
    parser.add_argument("--merged", type=Path, required=True, help="the merged checkpoint")
    parser.add_argument(
        "--models", nargs="+", type=Path, required=True, help="the checkpoints it was made of"
    )
    parser.add_argument(
        "--cells",
        nargs="+",
        required=True,
        metavar="NAME=FOLDER",
        help="training cells of the models' tasks; NAME is split/skill/group",
    )
    parser.add_argument(
        "--settings",
        required=True,
        help='JSON text or file: {"stage": {task, seed, recipe}, "questions": 100, ...}',
    )
    parser.add_argument("--out", type=Path, required=True, help="report to write")
    add_machine(parser)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Compare and write the report."""
    from continual_vqa.training.settings import read_cells, read_settings

    cells = read_cells(args.cells)

    from continual_vqa.evaluation.drift import DriftSettings, drift
    from continual_vqa.files.atomic import write_text
    from continual_vqa.training.device import prepare

    settings = read_settings(args.settings, DriftSettings)
    device = prepare(args.threads, args.device)
    workers = max(0, args.threads - 1)
    rows = drift(args.base, args.merged, args.models, cells, settings, device, workers=workers)
    write_text(args.out, json.dumps({"merged": str(args.merged), "models": rows}, indent=1) + "\n")
    return {"models": rows, "out": str(args.out)}


def describe(summary: dict[str, Any]) -> str:
    """One line for each model."""
    lines = [
        f"{row['task']}: {row['divergence']:.3f} nats a token, {row['agreement']:.1%} agree, "
        f"loss {row['loss']:.3f} -> {row['merged_loss']:.3f}"
        for row in summary["models"]
    ]
    return "\n".join([*lines, f"written {summary['out']}"])
