"""Scores of a study -> one table of all accuracies and one of every run's metrics.

--runs is a JSON file ("-": standard input): {"identity": {...}, "runs": [...]}, one entry a score
file with its path, study, recipe, title, schedule, stream, order, held_out, seed, step and task.
The identity names the study's skills, groups, composition_skills and the tasks of every stream.
"""

from __future__ import annotations

import argparse
import sys

EXAMPLE = "continual-vqa aggregate --runs runs.json --out metrics.parquet --summary summary.parquet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--runs", required=True, metavar="F.json", help="the score files; -: stdin")
    parser.add_argument("--out", required=True, help="accuracy of every run, step, task and group")
    parser.add_argument("--summary", required=True, help="AP, AF, BWT and more of every run")


def run(args: argparse.Namespace) -> dict:
    from continual_vqa.analysis.aggregate import aggregate
    from continual_vqa.analysis.runs import parse_runs
    from continual_vqa.analysis.schemas import METRICS, SUMMARY
    from continual_vqa.files.jsons import parse_json, read_json
    from continual_vqa.files.parquet import write_table

    if args.runs == "-":
        content = parse_json(sys.stdin.buffer.read(), "standard input")
    else:
        content = read_json(args.runs)
    runs = parse_runs(content, args.runs)
    metrics, summary = aggregate(runs)
    write_table(args.out, metrics, METRICS)
    write_table(args.summary, summary, SUMMARY)
    return {
        "runs": len(runs.grouped()),
        "score_files": len({step.path for step in runs.runs}),
        "accuracies": metrics.num_rows,
        "metrics": summary.num_rows,
        "out": args.out,
        "summary": args.summary,
    }
