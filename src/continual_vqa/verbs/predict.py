"""Answer the questions of some cells with a model, by beam search.

With --routes each question is answered by one of the models of --among: that of the task which
`route` inferred for it. The answers are written as Parquet: question_id, task, group, answer, score
(log-probability), step. With --processes several processes share the questions and the first of
them writes what one would.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from continual_vqa.errors import UserError
from continual_vqa.verbs.together import add_processes, start_together, threads_each
from continual_vqa.verbs.train import add_machine

EXAMPLE = (
    "continual-vqa predict --base base --model model.safetensors --cells "
    'test/color/G1=cells/test/color/G1 --settings \'{"stage": {"task": "color"}}\' '
    "--out predictions.parquet"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--base", type=Path, required=True, help="base folder (see pretrain)")
    parser.add_argument("--model", help="stage checkpoint, or base (default)")
    parser.add_argument("--routes", type=Path, help="which task's model answers which question")
    parser.add_argument(
        "--among",
        nargs="+",
        default=[],
        metavar="TASK=FILE",
        help="with --routes: the checkpoint of each task",
    )
    parser.add_argument(
        "--stack",
        nargs="+",
        type=Path,
        default=[],
        help="checkpoints whose low-rank updates or adapters lie below the model's own",
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
    add_processes(parser)


def run(args: argparse.Namespace) -> dict[str, object]:
    """Answer the questions and write the predictions."""
    from continual_vqa.training.settings import read_cells, read_settings, read_tasks

    cells, among = read_cells(args.cells), read_tasks(args.among, "--among")
    if bool(args.routes) != bool(among) or (args.routes and args.model):
        raise UserError(
            "who answers is not clear",
            where="--routes",
            expected="--routes with --among, or --model alone",
        )
    start_together(args)

    import numpy as np

    from continual_vqa.evaluation.among import chosen_models
    from continual_vqa.evaluation.predict import PredictSettings, predict_among
    from continual_vqa.evaluation.routes import read_routes
    from continual_vqa.evaluation.tables import PREDICTIONS
    from continual_vqa.files.parquet import write_table
    from continual_vqa.shards.reader import open_cells
    from continual_vqa.training.checkpoint import BASE
    from continual_vqa.training.device import prepare
    from continual_vqa.training.loading import load_model, start_file
    from continual_vqa.training.ranks import joined, local_device

    settings = read_settings(args.settings, PredictSettings)
    threads = threads_each(args)
    device = local_device(prepare(threads, args.device))
    asked = open_cells(list(cells.values()), verify=settings.shards.verify)
    note = {"stage": settings.stage.id}
    if args.routes:
        routes = read_routes(args.routes, asked)
        models = chosen_models(args.base, among, args.stack, routes, device)
        note["among"] = " ".join(among)
    else:
        start = start_file(args.model or BASE, args.base)
        model, _, header = load_model(args.base, start, device, stack=args.stack)
        models = [(model, np.arange(len(asked)))]
        note["model_stage"] = header.get("stage", "")
    with joined(device) as ranks:
        table, summary = predict_among(models, asked, settings, workers=threads - 1, ranks=ranks)
    if not ranks.first:
        raise SystemExit(0)  # one process tells and writes what all have done
    write_table(args.out, table, PREDICTIONS, note=note)
    return {**summary, "predictions": str(args.out)}
