"""Metrics of a study and what guessing gives -> forgetting of every task after every later one.

Relative to what was learned of the task, as CLiMB reports it.
"""

from __future__ import annotations

import argparse

EXAMPLE = (
    "continual-vqa forgetting --metrics metrics.parquet --report report.json"
    " --out forgetting.parquet"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--metrics", required=True, help="metrics.parquet of `aggregate`")
    parser.add_argument("--report", required=True, help="report of `index`: what guessing gives")
    parser.add_argument("--out", required=True, help="the table to write")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Read the metrics and write the table."""
    from continual_vqa.analysis.climb import read_chances
    from continual_vqa.analysis.forgetting import forgetting
    from continual_vqa.analysis.schemas import FORGETTING, METRICS
    from continual_vqa.files.parquet import read_table, write_table

    table = forgetting(read_table(args.metrics, METRICS), read_chances(args.report))
    write_table(args.out, table, FORGETTING)
    return {"rows": table.num_rows, "out": args.out}
