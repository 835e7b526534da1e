"""Fetch the official files, with size and checksum checks and resumption.

A transfer that breaks off is resumed by the same command. Files that are there are checked, not
fetched. What was fetched is recorded in downloads.json in the folder, and later checked against it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from continual_vqa.config.places import SOURCES
from continual_vqa.data.fetch import fetch
from continual_vqa.data.sources import Ledger, read_sources
from continual_vqa.errors import UserError

EXAMPLE = "continual-vqa download --dataset vqav2 --out data/vqav2"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this verb."""
    parser.add_argument("--dataset", required=True, help="vqav2, gqa or karpathy")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder of the files"
    )
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="FILE", help="only these of the dataset's files"
    )
    parser.add_argument(
        "--sources", type=Path, default=SOURCES, help="addresses (default: config/sources.yaml)"
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Fetch the files one after the other; returns what each is."""
    sources = read_sources(args.sources)
    if args.dataset not in sources:
        raise UserError(
            f"unknown dataset {args.dataset!r}", where=args.sources, expected=", ".join(sources)
        )
    wanted = sources[args.dataset]
    names = [source.file for source in wanted]
    if unknown := [name for name in args.only if name not in names]:
        raise UserError(f"{args.dataset} has no file {unknown[0]!r}", expected=", ".join(names))
    ledger = Ledger(args.out)
    files = {}
    for source in wanted:
        if args.only and source.file not in args.only:
            continue
        fetched = fetch(ledger.expected(source), args.out)
        ledger.record(source, fetched.size, fetched.sha256)
        files[source.file] = {
            "size": fetched.size,
            "sha256": fetched.sha256,
            "resumed_at": fetched.resumed_at,
            "was_there": fetched.was_there,
        }
    return {"folder": str(args.out), "files": files}


def describe(summary: dict[str, Any]) -> str:
    """The summary for a person."""
    lines = [f"in {summary['folder']}:"]
    for name, file in summary["files"].items():
        how = "was there" if file["was_there"] else "fetched"
        how += f", resumed at byte {file['resumed_at']:,}" if file["resumed_at"] else ""
        lines.append(f"  {name}  {file['size']:,} bytes  sha256 {file['sha256'][:16]}  ({how})")
    return "\n".join(lines)
