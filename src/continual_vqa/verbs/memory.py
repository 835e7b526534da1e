"""Choose the questions of earlier tasks that are replayed, and list them in one file."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from continual_vqa.config.tasks import TaskKind
from continual_vqa.errors import UserError

if TYPE_CHECKING:
    import numpy as np

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
    parser.add_argument(
        "--orders",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="orders of the cells' questions (see herd), one of each cell; default: by the seed",
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
    orders = _orders(args.orders, ids, args.size) if args.orders else {}
    kept = choose(counts, args.size, args.seed, args.tasks, orders)
    rows = [
        {"cell": name, "question_id": ids[name][number], "number": int(number)}
        for name, numbers in kept.items()
        for number in numbers
    ]
    table = pa.Table.from_pylist(rows, schema=MEMORY)
    write_table(args.out, table, MEMORY, note={"seed": str(args.seed), "size": str(args.size)})
    return {"questions": len(rows), "cells": len(cells), "memory": str(args.out)}


def _orders(
    files: Sequence[Path], ids: Mapping[str, Sequence[str]], size: int
) -> dict[str, np.ndarray]:
    """Cell -> its questions' numbers in the order of a file.

    Raises
    ------
    UserError : a cell without an order, or an order that does not fit its cell or is too short
    """
    import numpy as np

    from continual_vqa.consolidation.memory import MEMORY
    from continual_vqa.files.parquet import read_table

    found: dict[str, np.ndarray] = {}
    for file in files:
        rows = read_table(file, MEMORY).to_pylist()
        for cell in {row["cell"] for row in rows} & ids.keys():
            own = [row for row in rows if row["cell"] == cell]
            numbers = [row["number"] for row in own]
            fit = all(0 <= n < len(ids[cell]) for n in numbers) and len(set(numbers)) == len(own)
            if not fit or any(ids[cell][row["number"]] != row["question_id"] for row in own):
                raise UserError(f"does not fit cell {cell}", where=file, do="run `herd` again")
            if len(own) < min(size, len(ids[cell])):
                raise UserError(
                    f"orders {len(own)} questions of {cell}",
                    where=file,
                    expected=f"{min(size, len(ids[cell]))}, for a memory of {size}",
                )
            found[cell] = np.array(numbers, np.int64)
    # A cell without questions needs no order, and no row could name it.
    if missing := [cell for cell in ids if cell not in found and len(ids[cell])]:
        raise UserError(f"no order of cell {missing[0]}", where="--orders", expected="all cells")
    return found
