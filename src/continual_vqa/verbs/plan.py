"""Count the pending jobs of a study and, with --estimate, say what they will cost.

The estimate is made from the cost records of finished jobs: those of the study itself, as far as
it has run, and those of the studies that --measured names. With --watch beside a running
Snakemake a line every so often tells how many jobs are done and how long the rest will take, by the
pace so far. Nothing is run.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from continual_vqa.errors import UserError
from continual_vqa.plan.dry_run import PendingJob
from continual_vqa.verbs.explain import add_study

EXAMPLE = "continual-vqa plan --configfile config/benchmark.yaml --estimate --measured results/demo"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_study(parser)
    parser.add_argument("--estimate", action="store_true", help="say what the jobs will cost")
    parser.add_argument(
        "--measured",
        nargs="+",
        type=Path,
        default=[],
        metavar="FOLDER",
        help="results of other studies, whose jobs cost about the same",
    )
    parser.add_argument(
        "--cores", type=int, default=os.cpu_count() or 1, help="cores that run the study (all)"
    )
    parser.add_argument(
        "--watch",
        type=float,
        metavar="SECONDS",
        help="while Snakemake runs in this folder: say what is left every so many seconds",
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Plan and estimate."""
    from continual_vqa.plan.dry_run import pending_jobs
    from continual_vqa.plan.estimate import RECORDS, Measured, estimate, measure, results_of, totals
    from continual_vqa.plan.remaining import ended

    if args.cores < 1:
        raise UserError(f"is {args.cores}", where="--cores", expected="1 or more")
    if args.watch is not None and args.watch <= 0:
        raise UserError(f"is {args.watch}", where="--watch", expected="more than 0 seconds")
    if args.measured and not (args.estimate or args.watch):
        raise UserError("is given alone", where="--measured", expected="--estimate or --watch too")
    since = time.time()
    jobs = pending_jobs(args.configfile, args.config, args.targets)
    root = results_of(jobs)
    if args.watch and root:
        _watch(jobs, root, args, since)
        jobs = [job for job in jobs if not ended(job, since)]
    own = [root] if root and (root / RECORDS).is_dir() else []
    measured = measure([*own, *args.measured]) if args.estimate else Measured()
    rows = estimate(jobs, measured)
    return {
        "estimate": args.estimate,
        "cores": args.cores,
        "records": measured.records,
        "kinds": [asdict(row) for row in rows],
        **totals(rows),
    }


def _watch(jobs: Sequence[PendingJob], root: Path, args: argparse.Namespace, since: float) -> None:
    """Say what is left until nothing is, Snakemake has ended, or the user has seen enough."""
    from continual_vqa.files.progress import clock
    from continual_vqa.plan.remaining import remaining, runs_here

    with contextlib.suppress(KeyboardInterrupt):
        while runs_here():
            folders = [*([root] if root.is_dir() else []), *args.measured]
            now = remaining(jobs, folders, since, time.time(), args.cores)
            if not now.left:
                return
            left = "unknown time" if now.seconds is None else clock(now.seconds)
            share = 100 * now.done / now.jobs
            print(f"{now.done:,}/{now.jobs:,} jobs ({share:.0f} %), {left} left", file=sys.stderr)
            time.sleep(args.watch)
        print("Snakemake does not run in this folder", file=sys.stderr)


def describe(summary: dict[str, Any]) -> str:
    """A line for each kind of job, and the sum."""
    from continual_vqa.preflight.finding import size

    kinds, jobs = summary["kinds"], summary["jobs"]
    if not jobs:
        return "nothing is pending: all results are up to date"
    width = max(len(row["kind"]) for row in kinds)
    if not summary["estimate"]:
        lines = [f"{row['kind']:<{width}}  {row['jobs']:>6,}" for row in kinds]
        return "\n".join([*lines, f"{'all':<{width}}  {jobs:>6,} jobs"])
    lines = [f"{'':<{width}}    jobs  core hours       disk"]
    for row in kinds:
        hours = f"{row['core_seconds'] / 3600:>10.2f}"
        unknown = row["unknown"]
        known = hours if not unknown else f"{hours} + {unknown:,} jobs that were never measured"
        disk = "" if unknown else f" {size(row['bytes']):>10}"
        lines.append(f"{row['kind']:<{width}}  {row['jobs']:>6,}  {known}{disk}")
    wall = summary["core_seconds"] / 3600 / summary["cores"]
    least = "at least " if summary["unknown"] else ""
    lines.append(
        f"{jobs:,} jobs, {least}{wall:.1f} hours on {summary['cores']} cores and "
        f"{size(summary['bytes'])}, by {summary['records']:,} jobs that were measured"
    )
    if summary["unknown"]:
        lines.append(
            "-> run the first of them, or name a study that has such jobs: --measured results/NAME"
        )
    return "\n".join(lines)
