"""Fuzz all readers, one after the other, each in a process of its own: `python -m fuzz.run`.

Exits with 1 if anything was found; the files lie in FINDINGS/<target>/, and belong, once mended, in
tests/fuzz/corpus/<target>/, where a test reads them again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from fuzz.targets import TARGETS

# To start a process, import torch and instrument the code; a busy machine is no finding.
START_SECONDS = 300


def main() -> int:
    """Fuzz; print a line for each target and the totals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="of all targets together")
    parser.add_argument("--targets", nargs="*", default=sorted(TARGETS), choices=sorted(TARGETS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--findings", type=Path, default=Path("results/fuzz"))
    args = parser.parse_args()
    share = -(-args.seconds // len(args.targets))
    total = findings = 0
    begun = time.monotonic()
    for name in args.targets:
        report = _one(name, share, args.seed, args.findings / name)
        total += report["executions"]
        findings += len(report["findings"])
        found = "".join(f"\n  {place}: {what}" for place, what in report["findings"].items())
        print(
            f"{name:<18} {report['engine']:<9} {share:>4} s  {report['executions']:>9,} files"
            f"{found or '  nothing found'}",
            flush=True,
        )
    print(
        f"{total:,} files to {len(args.targets)} readers, {share * len(args.targets)} s of fuzzing "
        f"in {time.monotonic() - begun:.0f} s: {findings} findings"
    )
    return 1 if findings else 0


def _one(name: str, seconds: int, seed: int, findings: Path) -> dict:
    findings.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "fuzz.one", name, "--seconds", str(seconds)]
    command += ["--seed", str(seed), "--findings", str(findings)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace",
            timeout=seconds + START_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        what = {"hang": f"no end after {seconds + START_SECONDS} s"}
        return {"engine": "?", "executions": 0, "findings": what}
    lines = done.stdout.strip().splitlines()
    if done.returncode == 0 and lines and lines[-1].startswith("{"):
        return json.loads(lines[-1])
    # libFuzzer has written the file itself, beside FINDINGS/<target>.
    last = [line for line in done.stderr.splitlines() if line.strip()][-12:]
    return {"engine": "?", "executions": 0, "findings": {"crash, hang or memory": " | ".join(last)}}


if __name__ == "__main__":
    sys.exit(main())
