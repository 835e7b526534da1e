"""Say in words why each pending job would run.

Plans the study without running anything and tells, for every pending job, which config value,
which module's code or which file changed since the last run; jobs that only follow are told by
the change that they follow.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import asdict

from continual_vqa.plan.causes import explain
from continual_vqa.plan.dry_run import pending_jobs
from continual_vqa.plan.ledger import NOTES

EXAMPLE = "continual-vqa explain --configfile config/config.yaml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_study(parser)
    parser.add_argument("--each", action="store_true", help="list every job, not only counts")


def add_study(parser: argparse.ArgumentParser) -> None:
    """Declare the options of Snakemake that say what is planned."""
    parser.add_argument("--configfile", action="append", default=[], help="as for snakemake")
    parser.add_argument(
        "--config", action="append", default=[], metavar="KEY=VALUE", help="as for snakemake"
    )
    parser.add_argument("targets", nargs="*", help="rules or files; default: everything")


def run(args: argparse.Namespace) -> dict[str, object]:
    jobs = pending_jobs(args.configfile, args.config, args.targets)
    causes = explain(jobs, NOTES)
    return {"pending": len(causes), "each": args.each, "jobs": [asdict(c) for c in causes]}


def describe(summary: dict) -> str:
    jobs = summary["jobs"]
    if not jobs:
        return "nothing is pending: all results are up to date"
    lines = [f"{len(jobs)} job{'s' * (len(jobs) != 1)} pending"]
    if summary["each"]:
        lines += [f"  {job['output']}: {job['words']}" for job in jobs]
        return "\n".join(lines)
    counts = Counter((job["rule"], job["words"]) for job in jobs)
    width = max(len(rule) for rule, _ in counts)
    lines += [f"  {rule:<{width}} x {n:<4} {words}" for (rule, words), n in counts.items()]
    return "\n".join(lines)
