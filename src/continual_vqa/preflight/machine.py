"""What this machine has: Python, the packages, and GPUs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path

from continual_vqa.preflight.finding import Finding, size

LEAST_PYTHON = (3, 11)
# Weight and gradient, and the two moments of AdamW, each fp32; activations come on top.
BYTES_A_TRAINED_WEIGHT, BYTES_OF_ITS_MOMENTS = 8, 8
SECONDS = 30

_FORMAT = "--format=csv,noheader,nounits"
Ask = Callable[[Sequence[str]], str | None]


def ask(command: Sequence[str]) -> str | None:
    """What a program prints; None where there is no such program, or it fails."""
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 else None


def check_versions(lock: Path) -> Iterator[Finding]:
    """Python, and the packages against the pins in `lock` (lines NAME==VERSION)."""
    python = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < LEAST_PYTHON:
        yield Finding("bad", "Python", f"{python}, 3.11 or newer is needed", "make setup")
    if not lock.is_file():
        yield Finding("note", "packages", f"{lock} is not there to compare with")
        return
    pins = [line.split("==") for line in lock.read_text().split() if "==" in line]
    missing, other = [], []
    for name, version in pins:
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
            continue
        # A build's mark, as in 2.13.0+cpu, is not part of a pin.
        if found.split("+")[0] != version.split("+")[0]:
            other.append(f"{name} {found} ({version})")
    if missing:
        yield Finding("bad", "packages", f"lacks {_some(missing)}", "make setup")
    if other:
        shown = f"other than the lock: {_some(other)}"
        yield Finding("note", "packages", shown, "make setup gives the lock's")
    if not missing and not other:
        what = f"Python {python}; {len(pins)} packages as in {lock}"
        yield Finding("good", "versions", what)


def check_gpu(gpus: int, trained: int, asking: Ask = ask, *, sharing: int = 1) -> Iterator[Finding]:
    """GPUs of this machine against a training job's `gpus`, and their memory against its weights.

    Parameters
    ----------
    trained : weights that the largest job trains; 0: not known
    sharing : processes that keep the moments between them
    """
    if not gpus:
        yield Finding("good", "GPU", "no job of the study asks for one")
        return
    listed = asking(["nvidia-smi", "--query-gpu=name,memory.total", _FORMAT])
    if listed is None:
        mend = "lower resources.train.gpu, or use --profile slurm"
        yield Finding("bad", "GPU", f"none here, a training job asks for {gpus}", mend)
        return
    rows = [line.rsplit(",", 1) for line in listed.strip().splitlines()]
    if len(rows) < gpus:
        shown = f"{len(rows)} here, a training job asks for {gpus}"
        yield Finding("bad", "GPU", shown, "lower resources.train.gpu, or use a cluster")
        return
    least = min(float(memory) for _, memory in rows) * 2**20
    needed = (BYTES_A_TRAINED_WEIGHT + BYTES_OF_ITS_MOMENTS / sharing) * trained
    what = f"{len(rows)} x {rows[0][0].strip()}, {size(least)} each"
    if needed > least:
        shown = f"{what}; weights and optimiser need {size(needed)}"
        yield Finding("bad", "GPU", shown, "use tune: lora, sharding: full, or a larger GPU")
    else:
        shown = f"; weights and optimiser need {size(needed)}" if needed else ""
        yield Finding("good", "GPU", what + shown)


def _some(names: Sequence[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
