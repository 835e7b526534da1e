"""Answer the questions of some cells with a model, by beam search.

The answers are written as Parquet: question_id, task, group, answer, score (log-probability), step.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from continual_vqa.verbs.train import add_machine

EXAMPLE = (
    "continual-vqa predict --base base --model model.safetensors --cells "
    'test/color/G1=cells/test/color/G1 --settings \'{"stage": {"task": "color"}}\' '
    "--out predictions.parquet"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--base", type=Path, required=True, help="base folder (see pretrain)")
    parser.add_argument("--model", default="base", help="stage checkpoint, or base")
    parser.add_argument(
        "--stack",
        nargs="+",
        type=Path,
        default=[],
        help="checkpoints whose low-rank updates lie below the model's factors",
    )
    parser.add_argument(
        "--cells",
        nargs="+",
        required=True,
        metavar="NAME=FOLDER",
        help="cells to answer; NAME is split/skill/group",
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
    from continual_vqa.training.settings import read_cells, read_settings

    cells = read_cells(args.cells)

    from continual_vqa.evaluation.predict import PredictSettings, predict
    from continual_vqa.evaluation.tables import PREDICTIONS
    from continual_vqa.files.parquet import write_table
    from continual_vqa.training.device import prepare
    from continual_vqa.training.stage import load_model, start_file

    settings = read_settings(args.settings, PredictSettings)
    device = prepare(args.threads, args.device)
    start = start_file(args.model, args.base)
    model, _, header = load_model(args.base, start, device, stack=args.stack)
    table, summary = predict(model, cells, settings, workers=max(0, args.threads - 1))
    note = {"stage": settings.stage.id, "model_stage": header.get("stage", "")}
    write_table(args.out, table, PREDICTIONS, note=note)
    return {**summary, "predictions": str(args.out)}
