"""Our merges against mergekit's, entry by entry, on a tiny Llama.

python -m benchmarks.mergekit_check [--venv DIR] [--size 64]

mergekit is neither a dependency nor part of the tests: this script makes a virtual environment for
it (once; default: `continual-vqa/mergekit` in the user's cache folder, about 6 GB with torch) with
`pip install mergekit`, lets it write a base and three tuned copies of a tiny Llama as transformers
saves them, merges them with mergekit and with this package, and compares every tensor.

Compared are the average (mergekit: linear), task arithmetic, and TIES. Expected differences: the
last digits, for sums are made in another order; in TIES also entries whose magnitude equals the
threshold (mergekit keeps all or others of them) and tensors whose share is no whole number of
entries (mergekit cuts it off, this package rounds it). Exit code 1 if anything else differs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.merging_peers import mergekit_config
from continual_vqa.config.merge import AverageMerge, MergeConfig, TaskArithmeticMerge, TiesMerge
from continual_vqa.consolidation.merging import MergeJob, merge_files
from continual_vqa.consolidation.merging.base_hash import base_sha256
from continual_vqa.consolidation.merging.models import BASE, STAGE, Model
from continual_vqa.files.tensors import ArrayFile, write_arrays

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
VENV = Path(os.environ.get("MERGEKIT_VENV") or _CACHE / "continual-vqa" / "mergekit")
CLOSE = 1e-6  # largest difference that the order of sums explains, for entries of about 1
FOLDERS = ("base", "tuned-0", "tuned-1", "tuned-2")

# name -> (our configuration, mergekit's method, its parameters)
CASES: dict[str, tuple[MergeConfig, str, dict[str, float | bool]]] = {
    "average": (AverageMerge(of="all"), "linear", {}),
    "task arithmetic": (
        TaskArithmeticMerge(of="all", scale=0.4),
        "task_arithmetic",
        {"lambda": 0.4, "normalize": False},
    ),
    "ties": (
        TiesMerge(of="all", density=0.25, scale=0.7),
        "ties",
        {"density": 0.25, "lambda": 0.7, "normalize": True},
    ),
}


def install(venv: Path) -> None:
    """Make the environment unless it is there."""
    if (venv / "bin" / "mergekit-yaml").exists():
        return
    print(f"installing mergekit into {venv}", flush=True)
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    pip = [venv / "bin" / "python", "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "mergekit"], check=True)


def ours(folders: Sequence[Path], config: MergeConfig, out: Path) -> ArrayFile:
    """The merge by this package, of copies of the models in its own format."""
    paths, digest = [], ""
    for number, folder in enumerate(folders):
        arrays = ArrayFile(folder / "model.safetensors")
        parts = json.dumps(dict.fromkeys(arrays, "language"))
        path = out.parent / f"{number}.safetensors"
        metadata = {"format": STAGE if number else BASE, "parts": parts}
        write_arrays(path, arrays, metadata | ({"base_sha256": digest} if number else {}))
        if not number:
            digest = base_sha256(Model(path, BASE, "pretrain"))
            write_arrays(path, arrays, metadata | {"base_sha256": digest})
        paths.append(path)
    merge_files(MergeJob(paths[0], paths[1:], config, len(paths) - 1), out)
    return ArrayFile(out)


def theirs(venv: Path, folder: Path, size: int) -> None:
    """Make the models and all merges by mergekit (see `mergekit_side`)."""
    base, *tuned = (str(folder / name) for name in FOLDERS)
    for case, (_, method, parameters) in CASES.items():
        mergekit_config(folder / f"{case}.yaml", method, base, tuned, **parameters)
    side = Path(__file__).with_name("mergekit_side.py")
    command = [venv / "bin" / "python", side, folder, str(size), str(len(tuned))]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"mergekit failed:\n{done.stdout}\n{done.stderr}")


def compare(one: ArrayFile, other: ArrayFile) -> dict[str, float]:
    """Tensors, entries, the largest difference, and how many entries differ noticeably."""
    if one.keys() != other.keys():
        raise SystemExit(f"other tensors: {sorted(one.keys() ^ other.keys())[:6]}")
    gaps = [np.abs(one[n].astype(np.float64) - other[n]).reshape(-1) for n in sorted(one)]
    gap = np.concatenate(gaps)
    different = int((gap > CLOSE).sum())
    return {"tensors": len(one), "entries": gap.size, "largest": gap.max(), "different": different}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venv", type=Path, default=VENV, help="mergekit's environment")
    parser.add_argument("--size", type=int, default=64, help="width of the tiny Llama")
    args = parser.parse_args()
    install(args.venv)
    failed = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        theirs(args.venv, folder, args.size)
        folders = [folder / each for each in FOLDERS]
        for case, (config, *_) in CASES.items():
            mine = ours(folders, config, folder / "ours.safetensors")
            (found,) = (folder / case).glob("*.safetensors")
            row = compare(mine, ArrayFile(found))
            failed |= row["different"] > 0
            print(f"{case}: " + ", ".join(f"{key} {value:,.4g}" for key, value in row.items()))
    sys.exit(failed)


if __name__ == "__main__":
    main()
