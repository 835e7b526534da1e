"""Write a finished study's results as a Markdown page, with its tables and figures beside it.

The page tells the command, the commit, the machine, the software, the time of all jobs, every table
and every figure over all recipes. It is for a repository or a paper's supplement; the study's
folder has the same and more.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from continual_vqa.errors import UserError

EXAMPLE = (
    "continual-vqa report --study results/benchmark --out docs/results.md --files docs/results"
    " --command 'snakemake --cores 2 --configfile config/benchmark.yaml'"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--study", type=Path, required=True, help="folder of the study's results")
    parser.add_argument("--command", required=True, help="what runs the study, for the reader")
    parser.add_argument("--out", type=Path, required=True, help="page to write (.md)")
    parser.add_argument("--files", type=Path, required=True, help="folder for what it shows")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Write the page and copy the files."""
    from continual_vqa.analysis.results_page import Facts, results_page
    from continual_vqa.analysis.study_results import Results
    from continual_vqa.files.atomic import write_bytes, write_text
    from continual_vqa.plan.estimate import measure
    from continual_vqa.plan.paths import Paths
    from continual_vqa.preflight.provenance import read_starts

    if not args.study.is_dir():
        raise UserError("no such folder", where=args.study, expected="the results of a study")
    if not args.files.resolve().is_relative_to(args.out.resolve().parent):
        raise UserError("is not below the page's folder", where="--files", do="choose one below it")
    paths = Paths(str(args.study))
    results = Results.read(paths.metrics, paths.summary)
    measured = measure([args.study]).seconds
    facts = Facts(
        args.command,
        read_starts(Path(paths.starts)),
        {kind: sum(map(math.fsum, tasks.values())) for kind, tasks in measured.items()},
        {kind: sum(map(len, tasks.values())) for kind, tasks in measured.items()},
    )
    beside = args.files.resolve().relative_to(args.out.resolve().parent).as_posix()
    page, files = results_page(results, args.study, facts, beside)
    args.files.mkdir(parents=True, exist_ok=True)
    for name, source in files.items():
        write_bytes(args.files / name, source.read_bytes())
    write_text(args.out, page)
    return {"files": len(files), "page": str(args.out)}
