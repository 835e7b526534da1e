"""Importances and masks of a study -> three tables of what is protected.

--runs is a JSON file: {"runs": [...]}, one entry per importance that a guard of a run reads, with
its stream, recipe, seed, guard (its place in the recipe), step, task, the path of the importance,
that of the mask made after the step ("" for none) and the mask guard's settings (or null).
"""

from __future__ import annotations

import argparse

EXAMPLE = (
    "continual-vqa survey --runs runs.json --masks masks.parquet --overlap overlap.parquet"
    " --importance importance.parquet"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--runs", required=True, metavar="F.json", help="the files, see above")
    parser.add_argument("--masks", required=True, help="share of each part protected, per step")
    parser.add_argument("--overlap", required=True, help="what pairs of tasks would both protect")
    parser.add_argument("--importance", required=True, help="histograms of the mean importance")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Survey the files and write the tables."""
    from continual_vqa.analysis.runs import parse
    from continual_vqa.analysis.schemas import FURTHER
    from continual_vqa.analysis.survey import SurveyList, survey
    from continual_vqa.files.jsons import read_json
    from continual_vqa.files.parquet import write_table

    listed = parse(SurveyList, read_json(args.runs), args.runs)
    tables = survey(listed.runs)
    for name, table in tables.items():
        write_table(getattr(args, name), table, FURTHER[name])
    return {
        "importances": len({step.importance for step in listed.runs}),
        **{f"{name}_rows": table.num_rows for name, table in tables.items()},
    }
