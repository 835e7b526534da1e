"""Checkpoints and costs of a study with banks of adapters -> what they do, hold and cost.

--runs is a JSON file: {"runs": [...]}, one entry per step of every run, with its stream, recipe,
seed, step, task, and the paths of its own checkpoint, the checkpoints kept, Snakemake's records of
its training jobs ("training": [{"phase", "cost"}]) and of its answers ("answering"), the answers
("predictions"), and the table of `adapters` ("use", "" for none).
"""

from __future__ import annotations

import argparse

EXAMPLE = (
    "continual-vqa banks --runs runs.json --base base/model.safetensors "
    "--adapters adapters.parquet --growth growth.parquet --costs costs.parquet"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--runs", required=True, metavar="F.json", help="the files, see above")
    parser.add_argument("--base", required=True, help="the base model's weights")
    parser.add_argument("--adapters", required=True, help="how adapters are weighted, how alike")
    parser.add_argument("--growth", required=True, help="parameters of every step")
    parser.add_argument("--costs", required=True, help="seconds and memory of every step")


def run(args: argparse.Namespace) -> dict[str, object]:
    """Collect and write the tables."""
    from continual_vqa.analysis.banks import BankList, banks
    from continual_vqa.analysis.runs import parse
    from continual_vqa.analysis.schemas import FURTHER
    from continual_vqa.files.jsons import read_json
    from continual_vqa.files.parquet import write_table

    tables = banks(parse(BankList, read_json(args.runs), args.runs).runs, args.base)
    for name, table in tables.items():
        write_table(getattr(args, name), table, FURTHER[name])
    return {f"{name}_rows": table.num_rows for name, table in tables.items()}
