"""Answer the questions of earlier tasks with a model of which one part is as it was after each.

The part of the model gets back, task by task, the weights of an earlier checkpoint; the answers
are written as `predict` writes them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from continual_vqa.config.guards import PartShares
from continual_vqa.verbs.train import add_machine

EXAMPLE = (
    "continual-vqa probe --base base --model last.safetensors --part vision --earlier "
    "color=first.safetensors --cells test/color/G1=cells/test/color/G1 "
    '--settings \'{"stage": {"task": "count", "step": 2}}\' --out predictions.parquet'
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--base", type=Path, required=True, help="base folder (see pretrain)")
    parser.add_argument("--model", type=Path, required=True, help="checkpoint of the last stage")
    parser.add_argument(
        "--part", required=True, choices=list(PartShares.model_fields), help="what is restored"
    )
    parser.add_argument(
        "--earlier",
        nargs="+",
        required=True,
        metavar="TASK=FILE",
        help="checkpoint right after each earlier task",
    )
    parser.add_argument(
        "--cells",
        nargs="+",
        required=True,
        metavar="NAME=FOLDER",
        help="cells of the earlier tasks; NAME is split/skill/group",
    )
    parser.add_argument(
        "--settings",
        required=True,
        help='JSON text or file: {"stage": {task, step, recipe}, "evaluation": {...}}',
    )
    parser.add_argument("--out", type=Path, required=True, help="predictions to write")
    add_machine(parser)


def run(args: argparse.Namespace) -> dict[str, object]:
    """Answer the questions and write the predictions."""
    from continual_vqa.training.settings import read_cells, read_settings, read_tasks

    cells, earlier = read_cells(args.cells), read_tasks(args.earlier, "--earlier")

    from continual_vqa.evaluation.predict import PredictSettings
    from continual_vqa.evaluation.probe import probe
    from continual_vqa.evaluation.tables import PREDICTIONS
    from continual_vqa.files.parquet import write_table
    from continual_vqa.training.device import prepare
    from continual_vqa.training.loading import load_model

    settings = read_settings(args.settings, PredictSettings)
    device = prepare(args.threads, args.device)
    model, base_sha256, header = load_model(args.base, args.model, device)
    workers = max(0, args.threads - 1)
    table, summary = probe(
        model, header, base_sha256, args.part, earlier, cells, settings, workers=workers
    )
    note = {"stage": settings.stage.id, "restored": args.part}
    write_table(args.out, table, PREDICTIONS, note=note)
    return {**summary, "predictions": str(args.out)}
