"""Tell from its words which of the tasks seen so far each question of some cells is of.

The tasks are told apart by naive Bayes over the files of `words`, one for each task: see
continual_vqa/evaluation/task_inference.py for the formula. `predict --routes` then answers each
question with the model of the inferred task.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from continual_vqa.config.tasks import TaskKind

EXAMPLE = (
    "continual-vqa route --words color.parquet count.parquet --cells"
    " test/color/G1=cells/test/color/G1 --out routes.parquet"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--words", nargs="+", type=Path, required=True, help="words of every task seen so far"
    )
    parser.add_argument(
        "--cells",
        nargs="+",
        required=True,
        metavar="NAME=FOLDER",
        help="cells whose questions are routed; NAME is split/skill/group",
    )
    parser.add_argument(
        "--tasks",
        choices=get_args(TaskKind),
        default="skills",
        help="what a task is, as stream.tasks in the config (default: %(default)s)",
    )
    parser.add_argument("--out", type=Path, required=True, help="routes to write")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Route the questions and write the routes."""
    from continual_vqa.consolidation.words import read_words
    from continual_vqa.evaluation.routes import ROUTES
    from continual_vqa.evaluation.task_inference import infer, routes_of
    from continual_vqa.files.parquet import write_table
    from continual_vqa.shards.reader import open_cells
    from continual_vqa.training.settings import read_cells

    cells = open_cells(list(read_cells(args.cells).values()), verify="never")
    inferred = infer(cells.table(["question"])["question"], [read_words(p) for p in args.words])
    table = routes_of(cells, inferred, args.tasks)
    write_table(args.out, table, ROUTES, note={"tasks": " ".join(inferred.tasks)})
    pairs = zip(table["task"].to_pylist(), table["inferred"].to_pylist(), strict=True)
    return {
        "questions": table.num_rows,
        "tasks": len(inferred.tasks),
        "correct": sum(task == found for task, found in pairs),
        "routes": str(args.out),
    }
