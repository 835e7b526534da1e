"""All figures and tables of a finished study on one static page.

--contents is a JSON file: {"figures": [...], "tables": [...]}, a row for each kind of figure with
its category, caption and drawings (stream, recipe, png, pdf), and one for each table with its
category, caption, csv, md and tex. The page links to these files from where it lies, and holds no
script; it can be moved with the folder of the results.
"""

from __future__ import annotations

import argparse

EXAMPLE = (
    "continual-vqa gallery --contents contents.json --metrics results/demo/metrics/metrics.parquet"
    " --summary results/demo/metrics/summary.parquet --out results/demo/gallery.html"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--contents", required=True, metavar="F.json", help="what is shown")
    parser.add_argument("--metrics", required=True, help="metrics.parquet of `aggregate`")
    parser.add_argument("--summary", required=True, help="summary.parquet of `aggregate`")
    parser.add_argument("--out", required=True, help="the page to write")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Read what is shown and write the page."""
    from pathlib import Path

    from continual_vqa.analysis.gallery import Contents, gallery_page
    from continual_vqa.analysis.runs import parse
    from continual_vqa.analysis.study_results import Results
    from continual_vqa.files.atomic import write_text
    from continual_vqa.files.jsons import read_json

    contents = parse(Contents, read_json(args.contents), args.contents)
    results = Results.read(args.metrics, args.summary)
    write_text(args.out, gallery_page(contents, results, Path(args.out).parent))
    return {
        "figures": sum(len(kind.drawings) for kind in contents.figures),
        "tables": len(contents.tables),
        "out": args.out,
    }
