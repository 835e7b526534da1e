"""The report of a merge, as plain data.

Schema (JSON):

- `kind`, `config`, `tasks` (as given), `level` (full | brief),
- `inputs`: list of `path`, `stage`, `task`, `step`, `sha256` (null without checksums),
- `seconds`, `peak_bytes` (largest resident memory of the process), `bytes_read` (of tensors, all
  passes), `bytes_written`,
- `parts`: part -> `tensors`, `entries` (merged ones), and in a full report `sign_conflicts`
  (entries where differences of inputs to the base have opposite signs), `share` (of the entries),
  `norms` (of each input's difference to the base), `norm_merged` (of the merged difference),
  `cosine` (k x k between the inputs' differences; null with more than 16 inputs, and for a
  difference of norm 0),
- `tensors`: one row for each tensor of the base, sorted by name: `name`, `part`, `entries`, `rule`
  (merged | copied | excluded), `reason`, and of merged ones in a full report `sign_conflicts`,
  `norms`, `norm_merged`; of factors that were merged by their updates `refactor_error`,
- `modules`: for each module whose updates were merged: `module`, `part`, `rank`, `norms` (of each
  input's B·A), `norm_merged` (before the cut to the rank), `refactor_error` (norm of what was cut
  off / `norm_merged`).
"""

from __future__ import annotations

import math
import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from continual_vqa.consolidation.merging.tally import Tally


def tensor_row(
    name: str, part: str, entries: int, rule: str, reason: str, tally: Tally | None
) -> dict[str, Any]:
    """What happened to one tensor."""
    row: dict[str, Any] = {"name": name, "part": part, "entries": entries}
    row |= {"rule": rule, "reason": reason}
    if tally is not None:
        row |= {
            "sign_conflicts": tally.conflicts,
            "norms": tally.norms(),
            "norm_merged": math.sqrt(tally.merged),
        }
    return row


def part_rows(
    rows: list[dict[str, Any]], tallies: Mapping[str, Tally], inputs: int
) -> dict[str, dict[str, Any]]:
    """part -> the sums over its merged tensors; `tallies` is empty in a brief report."""
    parts: dict[str, dict[str, Any]] = {}
    for part in sorted({row["part"] for row in rows if row["rule"] == "merged"}):
        merged = [row for row in rows if row["part"] == part and row["rule"] == "merged"]
        parts[part] = {"tensors": len(merged), "entries": sum(row["entries"] for row in merged)}
        if tallies:
            total = Tally(inputs)
            for row in merged:
                total.include(tallies[row["name"]])
            parts[part] |= {
                "sign_conflicts": total.conflicts,
                "share": total.conflicts / total.entries if total.entries else 0.0,
                "norms": total.norms(),
                "norm_merged": math.sqrt(total.merged),
                "cosine": total.cosines(),
            }
    return parts


def peak_bytes() -> int:
    """The largest resident memory of this process so far."""
    status = Path("/proc/self/status")
    if status.exists():
        # ru_maxrss would begin with the memory of the process that started this one.
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
