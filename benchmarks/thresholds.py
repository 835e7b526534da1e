"""The threshold of the k largest importances, exactly, against torch and numpy.

python -m benchmarks.thresholds [--entries 220000000] [--share 0.5] [--repeats 5] [--json FILE]

The input is one file of float32 squares, hot in the page cache. Every case maps it and finds the
value of the k-th largest entry. Extra memory is the peak above that of `floor`, which reads the
entries once.
"""

from __future__ import annotations

import argparse
import functools
import json
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.harness import as_json, goal, goals_text, importing, measure, ratio, report

T5_BASE = 220_000_000  # entries, about
_PIECE = 1 << 22


def write_values(path: Path, count: int) -> None:
    """`count` squares of normal numbers, as diagonal Fisher information has them, with exact zeros.

    A hundredth of the entries are zero, as those of words that never occur.
    """
    numbers = np.random.default_rng(0)
    with path.open("wb") as handle:
        for start in range(0, count, _PIECE):
            values = numbers.standard_normal(min(_PIECE, count - start), np.float32) ** 2
            values[::100] = 0
            handle.write(values.data)


def floor(path: str, k: int) -> float:
    """One read of all entries: the largest."""
    return float(_values(path).max())


@importing("continual_vqa.consolidation.select")
def ours(path: str, k: int) -> float:
    """The selection that masks use."""
    from continual_vqa.consolidation.select import Entries, cut

    return cut(Entries({"x": _values(path)}), k).threshold


def np_partition(path: str, k: int) -> float:
    """numpy's introselect (vectorised where the CPU allows), on a copy."""
    values = _values(path)
    return float(np.partition(values, values.size - k)[values.size - k])


@importing("torch")
def torch_kthvalue(path: str, k: int) -> float:
    """torch.kthvalue counts from the smallest."""
    import torch

    values = torch.from_numpy(_values(path))
    return float(torch.kthvalue(values, len(values) - k + 1).values)


@importing("torch")
def torch_topk(path: str, k: int) -> float:
    """torch.topk, not sorted."""
    import torch

    return float(torch.topk(torch.from_numpy(_values(path)), k, sorted=False).values.min())


def _values(path: str) -> np.ndarray:
    # Writable for torch's sake, but never written: the pages stay those of the file.
    return np.memmap(path, np.float32, "c").view(np.ndarray)


def main() -> None:
    """Write the values, time every case, print the table and the goals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=T5_BASE)
    parser.add_argument("--share", type=float, default=0.5, help="k as a share of the entries")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="OUT")
    args = parser.parse_args()
    k = round(args.share * args.entries)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "values"
        write_values(path, args.entries)
        cases = (torch_kthvalue, torch_topk, np_partition, ours, floor)
        timings = measure(
            {case.__name__: functools.partial(case, str(path), k) for case in cases}, args.repeats
        )
    found = {name: timings[name].value for name in ("torch_kthvalue", "np_partition", "ours")}
    print(report(f"thresholds: {args.entries:,} float32, k = {k:,}", timings,
                 reference="torch_kthvalue"))  # fmt: skip
    extra = timings["ours"].rss - timings["floor"].rss
    goals = [
        goal("threshold, x kthvalue", ratio(timings, "torch_kthvalue", "ours"), 6.0),
        goal("threshold, x np.partition", ratio(timings, "np_partition", "ours"), 1.0),
        goal("extra peak MiB", extra, 32.0, at_most=True),
        goal("different thresholds", len(set(found.values())) - 1, 0.0, at_most=True),
    ]
    print(goals_text(goals))
    if args.json:
        args.json.write_text(json.dumps(as_json("thresholds", timings, goals), indent=1) + "\n")


if __name__ == "__main__":
    main()
