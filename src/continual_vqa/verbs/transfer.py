"""Scores of downstream tasks -> one table: learned after the stream, and alone from the base.

--runs is a JSON file: {"runs": [...]}, one entry per run and downstream task with the paths of both
score files (after, single).
"""

from __future__ import annotations

import argparse

EXAMPLE = "continual-vqa transfer --runs runs.json --report report.json --out transfer.parquet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--runs", required=True, metavar="F.json", help="the score files")
    parser.add_argument("--report", required=True, help="report of `index`: what guessing gives")
    parser.add_argument("--out", required=True, help="the table to write")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Collect the scores and write the table."""
    from continual_vqa.analysis.climb import read_chances
    from continual_vqa.analysis.runs import parse
    from continual_vqa.analysis.schemas import TRANSFER
    from continual_vqa.analysis.transfer import TransferList, transfer
    from continual_vqa.files.jsons import read_json
    from continual_vqa.files.parquet import write_table

    learned = parse(TransferList, read_json(args.runs), args.runs).runs
    table = transfer(learned, read_chances(args.report))
    write_table(args.out, table, TRANSFER)
    return {"rows": table.num_rows, "out": args.out}
