"""Store the logits that a stage's model gives to the questions that its task keeps for replay.

Of a memory only the questions of the given cells are looked at. The file names every question by
its cell and its number, and holds the logits of each token of its most frequent answer.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from continual_vqa.verbs.train import add_machine

EXAMPLE = (
    "continual-vqa logits --base base --model model.safetensors --memory memory.parquet "
    "--cells train/color/G1=cells/train/color/G1 "
    '--settings \'{"stage": {"task": "color"}}\' --out logits.safetensors'
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--base", type=Path, required=True, help="base folder (see pretrain)")
    parser.add_argument("--model", required=True, help="checkpoint of the stage, or base")
    parser.add_argument(
        "--stack",
        nargs="+",
        type=Path,
        default=[],
        help="checkpoints whose low-rank updates lie below the model",
    )
    parser.add_argument("--memory", type=Path, required=True, help="kept questions (see memory)")
    parser.add_argument(
        "--cells",
        nargs="+",
        required=True,
        metavar="NAME=FOLDER",
        help="training cells of the stage's task; NAME is split/skill/group",
    )
    parser.add_argument(
        "--settings",
        required=True,
        help='JSON text or file: {"stage": {...}, "top": 0, "training": {...}}',
    )
    parser.add_argument("--out", type=Path, required=True, help="file of logits to write")
    add_machine(parser)


def run(args: argparse.Namespace) -> dict[str, object]:
    """Store the logits that the options describe."""
    from continual_vqa.training.settings import read_cells, read_settings

    cells = read_cells(args.cells)

    from continual_vqa.training.device import prepare
    from continual_vqa.training.loading import start_file
    from continual_vqa.training.stored_logits import LogitsFiles, LogitsSettings, store_logits

    settings = read_settings(args.settings, LogitsSettings)
    device = prepare(args.threads, args.device)
    model = start_file(args.model, args.base)
    files = LogitsFiles(args.base, model, tuple(args.stack), args.memory, cells, args.out)
    return store_logits(files, settings, device, workers=max(0, args.threads - 1))
