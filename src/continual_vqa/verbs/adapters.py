"""Measure how a task uses the adapters of its bank, and how alike they are, on some test questions.

The table has, for every residual branch and adapter, mean and deviation of the adapter's weight;
and for every pair of adapters the mean cosine and the linear CKA of what they change. Answers are
not looked at.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from continual_vqa.verbs.train import add_machine

EXAMPLE = (
    "continual-vqa adapters --base base --model 2.safetensors --stack 1.safetensors --cells "
    'test/color/G1=cells/test/color/G1 --settings \'{"stage": {"task": "color"}}\' '
    "--out adapters.parquet"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--base", type=Path, required=True, help="base folder (see pretrain)")
    parser.add_argument("--model", type=Path, required=True, help="checkpoint of the task's stage")
    parser.add_argument(
        "--stack", nargs="+", type=Path, default=[], help="checkpoints of the earlier tasks"
    )
    parser.add_argument(
        "--cells",
        nargs="+",
        required=True,
        metavar="NAME=FOLDER",
        help="test cells of the task; NAME is split/skill/group",
    )
    parser.add_argument(
        "--settings",
        required=True,
        help='JSON text or file: {"stage": {task, seed, recipe}, "questions": 100, ...}',
    )
    parser.add_argument("--out", type=Path, required=True, help="table to write")
    add_machine(parser)


def run(args: argparse.Namespace) -> dict[str, object]:
    """Measure and write the table."""
    from continual_vqa.training.settings import read_cells, read_settings

    cells = read_cells(args.cells)

    from continual_vqa.evaluation.bank_table import BANK_USE
    from continual_vqa.evaluation.bank_use import BankUseSettings, bank_use
    from continual_vqa.files.parquet import write_table
    from continual_vqa.training.device import prepare
    from continual_vqa.training.loading import load_model

    settings = read_settings(args.settings, BankUseSettings)
    device = prepare(args.threads, args.device)
    model, _, header = load_model(args.base, args.model, device, stack=args.stack)
    table = bank_use(model, cells, settings, workers=max(0, args.threads - 1))
    write_table(args.out, table, BANK_USE, note={"stage": header["stage"], "task": header["task"]})
    return {"rows": table.num_rows, "task": header["task"], "out": str(args.out)}
