"""Run every benchmark and write what was measured to docs/benchmarks.md (`make bench`)."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from datetime import UTC, datetime

from benchmarks.harness import ROOT

NAMES = (
    *("index", "sharding", "reading", "scoring", "planning", "starting"),
    *("thresholds", "masking", "importance", "guards", "bank", "merging", "merging_sizes"),
)
PAGE = ROOT / "docs" / "benchmarks.md"
FOLDER = ROOT / "docs" / "benchmarks"

HEAD = """\
# Speed, side by side with the peers

Written by `make bench`: each table is one run; every case in fresh processes, in shuffled order,
the median after a warm-up. Ratios count, not seconds: they were taken in the same run on the same
machine. Peak memory is that of the largest process. `x`: how many times faster than the first row.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {NAMES}; default: all")
    args = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in args.names or NAMES:
        print(f"== {name}", flush=True)
        command = [
            sys.executable,
            "-m",
            f"benchmarks.{name}",
            "--json",
            str(FOLDER / f"{name}.json"),
        ]
        subprocess.run(command, cwd=ROOT, check=True)
        measured = json.loads((FOLDER / f"{name}.json").read_text())
        measured["date"] = f"{datetime.now(UTC):%Y-%m-%d}"
        (FOLDER / f"{name}.json").write_text(json.dumps(measured, indent=1) + "\n")
    PAGE.write_text(page())


def page() -> str:
    """docs/benchmarks.md from the JSON files beside it."""
    parts = [HEAD]
    for name in NAMES:
        path = FOLDER / f"{name}.json"
        if path.exists():
            parts.append(_section(name, json.loads(path.read_text())))
    return "\n".join(parts)


def _section(name: str, measured: dict) -> str:
    timings = measured["timings"]
    first = next(iter(timings.values()))["wall"]
    lines = [
        f"## {name}",
        "",
        f"{measured.get('date', '')}, {measured['cpus']} CPUs ({measured['machine']}), "
        f"Python {measured['python']}: `python -m benchmarks.{name}`",
        "",
        "| case | wall s | CPU s | peak MiB | spread | x |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {case} | {t['wall']:.3f} | {t['cpu']:.3f} | {t['rss']:.0f} | {t['spread']:.0%} "
        f"| {first / t['wall']:.2f} |"
        for case, t in timings.items()
    ]
    lines += ["", "| goal | measured | bound | met |", "|---|---|---|---|"]
    lines += [
        f"| {g['goal']} | {g['value']:.2f} | {'≤' if g['at_most'] else '≥'} {g['target']:g} "
        f"| {'yes' if g['met'] else 'no'} |"
        for g in measured["goals"]
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
