"""Routes of a study -> how many questions of each task were led to its model, after every step.

--runs is a JSON file: {"runs": [...]}, one entry per step of a run whose questions are routed, with
its stream, recipe, seed and step and the path of its routes.
"""

from __future__ import annotations

import argparse

EXAMPLE = "continual-vqa routing --runs runs.json --out routing.parquet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--runs", required=True, metavar="F.json", help="the files, see above")
    parser.add_argument("--out", required=True, help="questions and hits of every task")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Count and write the table."""
    from continual_vqa.analysis.routing import RoutedList, routing
    from continual_vqa.analysis.runs import parse
    from continual_vqa.analysis.schemas import FURTHER
    from continual_vqa.files.jsons import read_json
    from continual_vqa.files.parquet import write_table

    table = routing(parse(RoutedList, read_json(args.runs), args.runs).runs)
    write_table(args.out, table, FURTHER["routing"])
    return {"rows": table.num_rows, "routing": args.out}
