"""The table of differences whose intervals are over questions and seeds."""

from __future__ import annotations

import math

from continual_vqa.analysis.statistics import (
    NO_INTERVAL,
    QUESTIONS,
    QUESTIONS_AND_SEEDS,
    Estimate,
)
from continual_vqa.analysis.study_results import Results
from continual_vqa.analysis.table_parts import Column, Table

METRICS = {"AP": "AP", "AF": "AF", "novel_AP": "novel AP"}
NOTE = (
    "Reference minus other, in points, with 95 % bootstrap intervals over questions and seeds: "
    "every draw takes the same questions for all recipes and the same seeds for both of a pair "
    "(one seed: over its questions alone; few seeds: too narrow, as they cannot show how much "
    "seeds differ). p: two-sided, of the draws of AP, corrected for all rows of a stream (Holm)."
)


def differences_table(results: Results) -> Table:
    """Pairs that differ in their method or in their replay x differences in AP, AF and novel AP."""
    found: dict[tuple[str, ...], dict[str, dict]] = {}
    for stream in results.held_out:
        for row in results.rows("differences", stream):
            pair = tuple(row[name] for name in ("stream", "differ_in", "reference", "other"))
            found.setdefault(pair, {})[row["metric"]] = row
    columns = (
        *(Column(name) for name in METRICS.values()),
        Column("AP p (Holm)", digits=4),
    )
    rows = []
    for metrics in found.values():
        ap = metrics["AP"]
        labels = (ap["stream"], ap["differ_in"], ap["reference_title"], ap["other_title"])
        rows.append((labels, (*(estimate(metrics[name]) for name in METRICS), _p(ap))))
    return Table(("stream", "differ in", "reference", "other"), columns, tuple(rows), NOTE)


def estimate(row: dict) -> Estimate:
    """A row of the table DIFFERENCES as an estimate."""
    if math.isnan(row["low"]):
        return Estimate(row["difference"], math.nan, math.nan, row["seeds"], NO_INTERVAL)
    kind = QUESTIONS if row["seeds"] == 1 else QUESTIONS_AND_SEEDS
    return Estimate(row["difference"], row["low"], row["high"], row["seeds"], kind)


def _p(row: dict) -> Estimate:
    return Estimate(row["p_holm"], math.nan, math.nan, row["seeds"], NO_INTERVAL)
