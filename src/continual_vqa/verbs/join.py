"""Metrics of runs that were made apart -> those of one study.

For seeds that ran one at a time (--config "seeds=[0]"), or recipes of several studies with the same
data, stream and training. That these agree is for the caller to know; a run that is there twice, a
recipe of the same name with other slots, and other tasks are refused.
"""

from __future__ import annotations

import argparse

EXAMPLE = (
    "continual-vqa join --study all --metrics a/metrics.parquet b/metrics.parquet"
    " --summary a/summary.parquet b/summary.parquet --out-metrics metrics.parquet"
    " --out-summary summary.parquet"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--study", required=True, help="name of the whole")
    parser.add_argument("--metrics", required=True, nargs="+", help="metrics.parquet of each part")
    parser.add_argument("--summary", required=True, nargs="+", help="summary.parquet of each part")
    parser.add_argument("--stream", default="", help="only this stream (default: all)")
    parser.add_argument("--out-metrics", required=True, help="the joined metrics to write")
    parser.add_argument("--out-summary", required=True, help="the joined summary to write")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Join both tables; nothing is written unless both can be."""
    from continual_vqa.analysis.join import join
    from continual_vqa.analysis.schemas import METRICS, SUMMARY
    from continual_vqa.files.parquet import read_table, write_table

    whole = [
        join(paths, [read_table(path, schema) for path in paths], args.study, args.stream)
        for paths, schema in ((args.metrics, METRICS), (args.summary, SUMMARY))
    ]
    write_table(args.out_metrics, whole[0], METRICS)
    write_table(args.out_summary, whole[1], SUMMARY)
    runs = whole[0].group_by(["stream", "recipe", "seed"]).aggregate([]).num_rows
    return {"parts": len(args.metrics), "runs": runs, "rows": whole[0].num_rows}
