"""Choose the questions of earlier tasks that are replayed, and list them in one file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from continual_vqa.config.tasks import TaskKind
from continual_vqa.errors import UserError

EXAMPLE = (
    "continual-vqa memory --cells train/color/G1=cells/train/color/G1 --size 100 --seed 0 "
    "--out memory.parquet"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--cells",
        nargs="+",
        required=True,
        metavar="NAME=FOLDER",
        help="training cells of the earlier tasks; NAME is split/skill/group",
    )
    parser.add_argument("--size", type=int, required=True, help="questions kept in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--tasks",
        choices=get_args(TaskKind),
        default="skills",
        help="what a task is: tasks share the memory equally (default: %(default)s)",
    )
    parser.add_argument("--out", type=Path, required=True, help="memory to write")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Write the memory."""
    import pyarrow as pa

    from continual_vqa.consolidation.memory import MEMORY, choose
    from continual_vqa.files.parquet import write_table
    from continual_vqa.shards.reader import open_cells
    from continual_vqa.training.settings import read_cells

    if args.size < 1:
        raise UserError(f"is {args.size}", where="--size", expected="1 or more")
    cells = read_cells(args.cells)
    ids = {n: open_cells([f], verify="never").question_ids for n, f in cells.items()}
    counts = {name: len(some) for name, some in ids.items()}
    kept = choose(counts, args.size, args.seed, args.tasks)
    rows = [
        {"cell": name, "question_id": ids[name][number], "number": int(number)}
        for name, numbers in kept.items()
        for number in numbers
    ]
    table = pa.Table.from_pylist(rows, schema=MEMORY)
    write_table(args.out, table, MEMORY, note={"seed": str(args.seed), "size": str(args.size)})
    return {"questions": len(rows), "cells": len(cells), "memory": str(args.out)}
