"""The options of verbs that read a finished study's tables, and the tables read."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from continual_vqa.analysis.study_results import Results


def add_tables(parser: argparse.ArgumentParser, further: Sequence[str]) -> None:
    """Declare the options; `further`: the tables that may be given beside metrics and summary."""
    parser.add_argument("--metrics", required=True, help="metrics.parquet of `aggregate`")
    parser.add_argument("--summary", required=True, help="summary.parquet of `aggregate`")
    for name in further:
        parser.add_argument(f"--{name}", metavar="F", help=f"{name}.parquet of the study")
    parser.add_argument(
        "--published",
        nargs="+",
        action="extend",
        default=[],
        metavar="F",
        help="files of config/published/",
    )
    parser.add_argument(
        "--study", default="{}", metavar="JSON", help="config keys of the study, dotted, and values"
    )


def read_tables(args: argparse.Namespace, further: Sequence[str]) -> Results:
    """The tables that the options name."""
    from continual_vqa.analysis.study_results import Results

    given = {name: path for name in further if (path := getattr(args, name))}
    return Results.read(args.metrics, args.summary, given, args.published, args.study)
