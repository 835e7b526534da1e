"""Which code and machine a study was run with: a line for every start of Snakemake.

What the results are made of is in their files; this is what a reader of a paper asks besides.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from continual_vqa.config.block import Block
from continual_vqa.errors import UserError, naming
from continual_vqa.preflight.machine import Ask, ask

PACKAGES = ("torch", "transformers", "snakemake")
UNKNOWN = "unknown"
CPUS = Path("/proc/cpuinfo")


class Start(Block):
    """One start of Snakemake on a study.

    Attributes
    ----------
    commit : of the code; with "+" where files that git knows were changed; "unknown" without git
    executor : "local", or what sent the jobs to other machines ("slurm"); cpu and gpus are then
        those of the machine that sent them
    cores : of this machine that are in use at most; 0: not limited
    """

    started: str
    commit: str
    python: str
    packages: dict[str, str]
    cpu: str
    gpus: tuple[str, ...]
    executor: str
    cores: Annotated[int, Field(ge=0)]


def start(code: Path, executor: str, cores: int, asking: Ask = ask) -> Start:
    """What can be told of a start from here; `code`: the folder of the Snakefile."""
    listed = asking(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]) or ""
    return Start(
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=_commit(code, asking),
        python=platform.python_version(),
        packages=dict(_versions(PACKAGES)),
        cpu=_cpu(),
        gpus=tuple(line.strip() for line in listed.splitlines() if line.strip()),
        executor=executor,
        cores=cores,
    )


def note_start(file: Path, found: Start) -> None:
    """Add a line to the study's list of starts."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with naming(file, "write"), file.open("a") as handle:
        handle.write(f"{found.model_dump_json()}\n")


def read_starts(file: Path) -> list[Start]:
    """All starts, the first one first.

    Raises
    ------
    UserError : no such file, no line, or one that is none of `note_start`
    """
    with naming(file, "read"):
        lines = file.read_text().splitlines()
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(Start.model_validate(json.loads(line)))
        except (ValueError, ValidationError) as error:
            raise UserError(
                f"line {number} is not the start of a study", where=file, do="remove the line"
            ) from error
    if not found:
        raise UserError("notes no start", where=file, do="run the study")
    return found


def hardware(starts: Iterable[Start]) -> list[str]:
    """Each kind of machine once, in words."""
    return list(dict.fromkeys(map(_words, starts)))


def _words(found: Start) -> str:
    where = "" if found.executor == "local" else f", jobs sent by {found.executor}"
    gpus = "".join(f", {name}" for name in dict.fromkeys(found.gpus)) or ", no GPU"
    cores = f", {found.cores} cores" if found.cores else ""
    return f"{found.cpu}{cores}{gpus}{where}"


def _commit(code: Path, asking: Ask) -> str:
    found = asking(["git", "-C", str(code), "rev-parse", "HEAD"])
    if found is None:
        return UNKNOWN
    changes = asking(["git", "-C", str(code), "status", "--porcelain", "--untracked-files=no"])
    return found.strip() + ("+" if changes else "")


def _versions(names: Iterable[str]) -> Iterable[tuple[str, str]]:
    for name in names:
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:
            yield name, UNKNOWN


def _cpu() -> str:
    """The processor's name, as the kernel tells it."""
    if CPUS.is_file():
        for line in CPUS.read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine() or UNKNOWN
