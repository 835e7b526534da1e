"""The two aggregated tables of a made-up study, as options of the verbs that read them."""

from __future__ import annotations

from pathlib import Path

from analysis.studies import write_study
from continual_vqa.analysis.aggregate import aggregate
from continual_vqa.analysis.runs import parse_runs
from continual_vqa.analysis.schemas import METRICS, SUMMARY
from continual_vqa.files.parquet import write_table


def aggregated(folder: Path) -> list[str]:
    """Aggregate a study of two seeds below `folder`; returns --metrics and --summary."""
    metrics, summary = aggregate(parse_runs(write_study(folder, (0, 1), 4), "runs.json"))
    write_table(folder / "m.parquet", metrics, METRICS)
    write_table(folder / "s.parquet", summary, SUMMARY)
    return ["--metrics", str(folder / "m.parquet"), "--summary", str(folder / "s.parquet")]
