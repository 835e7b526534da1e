"""The table of published numbers beside a study's own."""

from __future__ import annotations

from continual_vqa.analysis.published import FROM_NOTES_MEANS, beside, in_short
from continual_vqa.analysis.statistics import over_seeds
from continual_vqa.analysis.study_results import Results, interval_phrase
from continual_vqa.analysis.table_parts import Column, Table

UNITS = {"AP": "%", "AF": "points", "BWT": "points"}


def published_table(results: Results) -> Table:
    """Published methods x each metric as published and as found here, and whether they compare."""
    found = beside(results)
    metrics = [metric for metric in UNITS if any(metric in row.published for row in found)]
    missing = over_seeds([])
    rows = []
    for row in found:
        comparable = f"no: {in_short(row.differences)}" if row.differences else "yes"
        labels = (row.source, row.setting, row.title, comparable)
        pairs = [(row.published.get(m, missing), row.ours.get(m, missing)) for m in metrics]
        rows.append((labels, tuple(estimate for pair in pairs for estimate in pair)))
    columns = tuple(
        Column(f"{whose} {metric} ({UNITS[metric]})")
        for metric in metrics
        for whose in ("published", "our")
    )
    ours = [estimate for row in found for estimate in row.ours.values()]
    also = dict.fromkeys(each for row in found if not row.differences for each in row.also)
    note = (
        "Published: as printed, ± as the paper gives it. Our metrics of novel compositions: mean "
        f"over the held-out groups. {FROM_NOTES_MEANS} Comparable: whether the study's config is "
        "what the file of the published numbers asks for."
    )
    note += f" What no config tells: {'; '.join(also)}." if also else ""
    return Table(
        ("source", "setting", "recipe", "comparable"),
        columns,
        tuple(rows),
        f"{note} Ours over {interval_phrase(ours)}.",
    )
