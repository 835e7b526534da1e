"""Scores of a study -> paired differences of comparable recipes, over questions and seeds.

Two recipes are compared that differ in their method alone (both replay and tune alike), or in
their replay alone. --runs: as for `aggregate`.
"""

from __future__ import annotations

import argparse

EXAMPLE = "continual-vqa differences --runs runs.json --out differences.parquet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--runs", required=True, metavar="F.json", help="the score files")
    parser.add_argument("--out", required=True, help="the table to write")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Resample the scores and write the table."""
    from continual_vqa.analysis.differences import differences
    from continual_vqa.analysis.runs import parse_runs
    from continual_vqa.analysis.schemas import DIFFERENCES
    from continual_vqa.files.jsons import read_json
    from continual_vqa.files.parquet import write_table

    table = differences(parse_runs(read_json(args.runs), args.runs))
    write_table(args.out, table, DIFFERENCES)
    return {"rows": table.num_rows, "out": args.out}
