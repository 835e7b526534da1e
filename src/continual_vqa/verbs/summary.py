"""Print the AP / AF table of a finished study and where its figures and tables are."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from pathlib import Path

import pyarrow.compute as pc

from continual_vqa.analysis.study_results import Results
from continual_vqa.analysis.table_formats import as_text
from continual_vqa.analysis.tables import TABLES

EXAMPLE = (
    "continual-vqa summary --metrics results/demo/metrics/metrics.parquet"
    " --summary results/demo/metrics/summary.parquet --figures results/demo/figures"
    " --tables results/demo/tables --gallery results/demo/gallery.html"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--metrics", required=True, help="metrics.parquet of `aggregate`")
    parser.add_argument("--summary", required=True, help="summary.parquet of `aggregate`")
    parser.add_argument("--figures", metavar="DIR", help="folder whose figures are listed")
    parser.add_argument("--tables", metavar="DIR", help="folder whose tables are listed")
    parser.add_argument("--gallery", metavar="F.html", help="page that is named if it is there")


def run(args: argparse.Namespace) -> dict:
    results = Results.read(args.metrics, args.summary)
    tables = {name: TABLES[name](results) for name in ("main", "novel")}
    return {
        "study": results.metrics["study"][0].as_py(),
        "values": {
            stream: {
                recipe: _metrics(results, stream, recipe) for recipe in results.recipes(stream)
            }
            for stream in results.held_out
        },
        "text": "\n\n".join(as_text(table) for table in tables.values() if table.rows),
        "figures": _listed(args.figures, "*.png"),
        "tables": _listed(args.tables, "*.md"),
        "gallery": args.gallery if args.gallery and Path(args.gallery).is_file() else "",
    }


def describe(summary: Mapping) -> str:
    parts = [f"study {summary['study']}", "", summary["text"]]
    for kind in ("figures", "tables"):
        if summary[kind]:
            parts += ["", f"{kind}:", *(f"  {path}" for path in summary[kind])]
    if summary["gallery"]:
        parts += ["", f"all on one page: {summary['gallery']}"]
    return "\n".join(parts)


def _metrics(results: Results, stream: str, recipe: str) -> dict[str, dict[str, float | None]]:
    """Metric over all tasks -> mean and bounds, None where not defined."""
    names = dict.fromkeys(results.summary.filter(pc.field("task") == "")["metric"].to_pylist())
    estimates = {name: results.estimate(stream, recipe, name) for name in names}
    return {
        name: {"mean": _defined(e.mean), "low": _defined(e.low), "high": _defined(e.high)}
        for name, e in estimates.items()
        if e.count
    }


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)


def _listed(folder: str | None, pattern: str) -> list[str]:
    return [] if folder is None else sorted(str(path) for path in Path(folder).rglob(pattern))
