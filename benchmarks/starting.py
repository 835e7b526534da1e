"""What it costs to start jobs that need torch: each alone, and forked from a warm process.

A job answers forty questions with the miniature base model, as thousands of a study do; `warm`
counts the start of the warm process too.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
from pathlib import Path

from benchmarks.harness import ROOT, as_json, goal, goals_text, measure, ratio, report
from benchmarks.material import CELL, Folder, make, rows
from continual_vqa.shards.writer import write_cell

QUESTIONS = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        one = shlex.join(_job(folder))
        # Snakemake has every job from a shell of its own, too.
        script = f"set -e; for job in $(seq {args.jobs}); do sh -c {shlex.quote(one)}; done"
        cold = ["sh", "-c", script]
        warm = [sys.executable, "-m", "continual_vqa", "warm", "--", *cold]
        timings = measure({"cold": cold, "warm": warm}, args.repeats)
    goals = [goal("warm, x cold", ratio(timings, "cold", "warm"), 2)]
    print(report(f"{args.jobs} jobs", timings, reference="cold"))
    print(goals_text(goals))
    if args.json:
        args.json.write_text(json.dumps(as_json("starting", timings, goals), indent=1))


def _job(folder: Path) -> list[str]:
    """A job's command; writes the cell that it reads."""
    make(folder, QUESTIONS, 20_000, pictures=True)
    cell = folder / "cell"
    write_cell(rows(folder), Folder(folder), cell, cell=CELL, max_bytes=10**9, checksums=True)
    words = [sys.executable, "-m", "continual_vqa", "predict", "--threads", "1"]
    words += ["--base", str(ROOT / "config" / "bases" / "miniature"), "--out", str(folder / "out")]
    words += ["--cells", f"{CELL}={cell}", "--settings", '{"stage": {"task": "count"}}']
    return words


if __name__ == "__main__":
    main()
