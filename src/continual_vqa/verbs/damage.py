"""Scores of the damage probe -> one table: each earlier task's accuracy by what was restored.

--runs is a JSON file: {"runs": [...]}, one entry per probed run, earlier task and restored part
(none, vision, language, both) with the path of the scores.
"""

from __future__ import annotations

import argparse

EXAMPLE = "continual-vqa damage --runs runs.json --out damage.parquet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--runs", required=True, metavar="F.json", help="the score files")
    parser.add_argument("--out", required=True, help="the table to write")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Collect the scores and write the table."""
    from continual_vqa.analysis.damage import DamageList, damage
    from continual_vqa.analysis.runs import parse
    from continual_vqa.analysis.schemas import DAMAGE
    from continual_vqa.files.jsons import read_json
    from continual_vqa.files.parquet import write_table

    table = damage(parse(DamageList, read_json(args.runs), args.runs).runs)
    write_table(args.out, table, DAMAGE)
    return {"rows": table.num_rows, "out": args.out}
