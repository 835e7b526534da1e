"""Order the questions of a training cell by how well they stand for all of it (herding).

A memory that is chosen by herding takes them in this order, see `memory --orders`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from continual_vqa.verbs.train import add_machine

EXAMPLE = (
    "continual-vqa herd --base base --cell train/color/G1=cells/train/color/G1"
    " --settings '{\"size\": 100}' --out herd.parquet"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--base", type=Path, required=True, help="folder of the base model")
    parser.add_argument(
        "--cell", required=True, metavar="NAME=FOLDER", help="the cell; NAME is split/skill/group"
    )
    parser.add_argument(
        "--settings", required=True, help='JSON text or file: {"size": 100, "training": {...}}'
    )
    parser.add_argument("--out", type=Path, required=True, help="order to write")
    add_machine(parser)


def run(args: argparse.Namespace) -> dict[str, object]:
    """Herd the cell that the options name."""
    from continual_vqa.training.settings import read_cells, read_settings

    cells = read_cells([args.cell])

    from continual_vqa.training.device import prepare
    from continual_vqa.training.herd import HerdFiles, HerdSettings, herd

    ((name, cell),) = cells.items()
    settings = read_settings(args.settings, HerdSettings)
    device = prepare(args.threads, args.device)
    files = HerdFiles(args.base, name, cell, args.out)
    return herd(files, settings, device, workers=max(0, args.threads - 1))
