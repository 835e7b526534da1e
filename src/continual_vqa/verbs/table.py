"""Write one table of a finished study as CSV, Markdown and LaTeX.

main: recipes x AP, AF, BWT, learning accuracy; skills: final accuracy and forgetting of every
skill; novel: accuracy on novel and on seen compositions of a held-out concept group; paired:
differences between a method and all recipes that replay and tune as it does; differences: the same,
and between kinds of replay, over questions and seeds; ranks: by accuracy, in every skill; orders:
AP and BWT over the orders of the tasks, with their spread; routing: how often the task of a
question is inferred; upstream: what of each task of the stream is forgotten (CLiMB); transfer:
downstream tasks learned after the stream and alone; transfer_paired: learned after the stream
against every recipe that learns alone; published: published numbers (--published) beside the
study's, and whether they compare, by what the study's config holds (--study).
"""

from __future__ import annotations

import argparse

from continual_vqa.verbs.study_tables import add_tables, read_tables

FURTHER = ("routing", "transfer", "forgetting", "differences")
EXAMPLE = (
    "continual-vqa table --name main --metrics metrics.parquet --summary summary.parquet"
    " --out-csv main.csv --out-md main.md --out-tex main.tex"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from continual_vqa.analysis.tables import TABLES

    parser.add_argument("--name", required=True, choices=list(TABLES), help="which table")
    add_tables(parser, FURTHER)
    parser.add_argument("--out-csv", required=True, help="all digits, with bounds and counts")
    parser.add_argument("--out-md", required=True, help="for reading")
    parser.add_argument("--out-tex", required=True, help="for a paper (booktabs)")


def run(args: argparse.Namespace) -> dict:
    from continual_vqa.analysis import table_formats
    from continual_vqa.analysis.tables import TABLES
    from continual_vqa.files.atomic import write_text

    results = read_tables(args, FURTHER)
    table = TABLES[args.name](results)
    write_text(args.out_csv, table_formats.as_csv(table))
    write_text(args.out_md, table_formats.as_markdown(table))
    write_text(args.out_tex, table_formats.as_latex(table))
    outputs = [args.out_csv, args.out_md, args.out_tex]
    return {"table": args.name, "rows": len(table.rows), "note": table.note, "written": outputs}
