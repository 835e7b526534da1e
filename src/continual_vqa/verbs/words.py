"""Count the words of a task's training questions, by which tasks are told apart later (`route`)."""

from __future__ import annotations

import argparse
from pathlib import Path

from continual_vqa.config.tasks import belongs
from continual_vqa.errors import UserError

EXAMPLE = (
    "continual-vqa words --task color --cells train/color/G1=cells/train/color/G1"
    " --out color.parquet"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--task", required=True, help="name of the task")
    parser.add_argument(
        "--cells",
        nargs="+",
        required=True,
        metavar="NAME=FOLDER",
        help="training cells of the task; NAME is split/skill/group",
    )
    parser.add_argument("--out", type=Path, required=True, help="words to write")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Count the words and write them."""
    from continual_vqa.consolidation.words import count_words, write_words
    from continual_vqa.shards.reader import open_cells
    from continual_vqa.training.settings import read_cells

    cells = read_cells(args.cells)
    foreign = [name for name in cells if not belongs(name, args.task)]
    if foreign:
        raise UserError(
            f"{', '.join(foreign)} do not belong to task {args.task!r}",
            where="--cells",
            expected=f"cells of {args.task}, named split/skill/group",
        )
    opened = open_cells(list(cells.values()), verify="never")
    words = count_words(args.task, opened.table(["question"])["question"])
    write_words(args.out, words)
    return {
        "task": args.task,
        "questions": words.questions,
        "terms": len(words.terms),
        "words": str(args.out),
    }
