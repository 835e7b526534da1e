"""Merge reports and alignment logs of a study -> what merging cost and whose signs turned.

--runs is a JSON file: {"runs": [...]}, one entry per stage and run that is merged or aligned, with
its stream, recipe, seed, step, task, the path of the merge's report ("" for none) and that of the
alignment log ("" for none).
"""

from __future__ import annotations

import argparse

EXAMPLE = (
    "continual-vqa merges --runs runs.json --merges merges.parquet --alignment alignment.parquet"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--runs", required=True, metavar="F.json", help="the files, see above")
    parser.add_argument("--merges", required=True, help="cost and sign conflicts of every merge")
    parser.add_argument("--alignment", required=True, help="signs that turned while training")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Collect reports and logs and write the tables."""
    from continual_vqa.analysis.merges import MergeList, merges
    from continual_vqa.analysis.runs import parse
    from continual_vqa.analysis.schemas import FURTHER
    from continual_vqa.files.jsons import read_json
    from continual_vqa.files.parquet import write_table

    tables = merges(parse(MergeList, read_json(args.runs), args.runs).runs)
    for name, table in tables.items():
        write_table(getattr(args, name), table, FURTHER[name])
    return {f"{name}_rows": table.num_rows for name, table in tables.items()}
