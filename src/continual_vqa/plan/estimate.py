"""What pending jobs will cost, from what jobs of their kind have cost before.

Every job leaves a record of its seconds in `benchmarks/`. A pending job is expected to cost the
median of the records of its kind and its task, or of its kind where its task has none yet: the
tasks differ in their number of questions, methods less. Sizes are means over files of one kind.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median

from continual_vqa.errors import UserError, naming
from continual_vqa.plan.dry_run import PendingJob

RECORDS = "benchmarks"
# Second names of files that are counted already.
_UNCOUNTED = ("scratch", RECORDS, "logs")
_CELL = "index.parquet"
_TASK = re.compile(r"/\d{2}-([^/]+?)-[0-9a-f]{4,8}\b")
_HASH = re.compile(r"-[0-9a-f]{4,8}\b")


@dataclass
class Measured:
    """Seconds of finished jobs by kind and task, and bytes of files by kind."""

    seconds: dict[str, dict[str, list[float]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    bytes: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    @property
    def records(self) -> int:
        """The number of jobs that were measured."""
        return sum(len(each) for tasks in self.seconds.values() for each in tasks.values())

    def expected_seconds(self, record: str) -> float | None:
        """What the job with this record will take; None: no such job was measured."""
        known = self.seconds.get(kind_of(record))
        if not known:
            return None
        return median(known.get(task_of(record)) or [s for each in known.values() for s in each])

    def expected_bytes(self, path: str) -> float | None:
        """How large a file (of a cell: with its shards) will be; None: none was measured."""
        known = self.bytes.get(_file_kind(path))
        return fmean(known) if known else None


@dataclass(frozen=True, slots=True)
class Estimate:
    """The cost of the pending jobs of one kind.

    Attributes
    ----------
    core_seconds : seconds times threads of the jobs that are known
    unknown : jobs of which none was measured before
    bytes : of their outputs, as far as they are known
    """

    kind: str
    jobs: int
    core_seconds: float
    unknown: int
    bytes: float


def kind_of(record: str) -> str:
    """The kind of a job: the folder of its record below `benchmarks/`, or the record's name."""
    inside = Path(_below(record, RECORDS))
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


def task_of(record: str) -> str:
    """The task that the name of a stage, or of what was made of it, tells; "": none."""
    found = _TASK.search(record)
    return found[1] if found else ""


def measure(folders: Iterable[Path]) -> Measured:
    """All records and file sizes in the results of some studies, `results/NAME` each.

    Raises
    ------
    UserError : a folder that is none, or a damaged record
    """
    found = Measured()
    for folder in folders:
        if not folder.is_dir():
            raise UserError("no such folder", where=folder, expected="the results of a study")
        for record in sorted((folder / RECORDS).rglob("*.tsv")):
            name = record.relative_to(folder).as_posix()
            found.seconds[kind_of(name)][task_of(name)].append(_seconds(record))
        for path in folder.rglob("*"):
            inside = path.relative_to(folder)
            if inside.parts[0] not in _UNCOUNTED and path.is_file():
                kind = _file_kind(inside.as_posix())
                if inside.parts[0] != "cells":
                    found.bytes[kind].append(path.stat().st_size)
                elif path.name == _CELL:
                    size = sum(each.stat().st_size for each in path.parent.iterdir())
                    found.bytes[kind].append(size)
    return found


def results_of(jobs: Iterable[PendingJob]) -> Path | None:
    """The folder of the study's results, as the jobs' records name it; None: none has one."""
    records = (job.benchmark for job in jobs if f"/{RECORDS}/" in job.benchmark)
    first = next(records, "")
    return Path(first.partition(f"/{RECORDS}/")[0]) if first else None


def estimate(jobs: Sequence[PendingJob], measured: Measured) -> list[Estimate]:
    """The cost of the jobs by kind, the most expensive kind first."""
    root = str(results_of(jobs) or "")
    kinds: dict[str, list[PendingJob]] = defaultdict(list)
    for job in jobs:
        kinds[kind_of(job.benchmark) if job.benchmark else job.rule].append(job)
    rows = [_of_kind(kind, some, root, measured) for kind, some in kinds.items()]
    return sorted(rows, key=lambda row: (-row.core_seconds, row.kind))


def totals(rows: Iterable[Estimate]) -> Mapping[str, float]:
    """Sums over all kinds: jobs, core_seconds, unknown, bytes."""
    rows = list(rows)
    return {
        name: sum(getattr(row, name) for row in rows)
        for name in ("jobs", "core_seconds", "unknown", "bytes")
    }


def _of_kind(kind: str, jobs: Sequence[PendingJob], root: str, measured: Measured) -> Estimate:
    seconds = [measured.expected_seconds(job.benchmark) if job.benchmark else 0.0 for job in jobs]
    known = [(s, job.threads) for s, job in zip(seconds, jobs, strict=True) if s is not None]
    sizes = [
        measured.expected_bytes(output.removeprefix(f"{root}/")) or 0.0
        for job in jobs
        for output in job.outputs
    ]
    return Estimate(
        kind,
        len(jobs),
        sum(s * threads for s, threads in known),
        len(jobs) - len(known),
        sum(sizes),
    )


def _seconds(record: Path) -> float:
    with naming(record, "read"), record.open(newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    try:
        return fmean(float(row["s"]) for row in rows)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            "is no cost record of Snakemake", where=record, expected="a column 's' of seconds"
        ) from error


def _file_kind(path: str) -> str:
    """Files of one kind have one name, but for hashes: "stages/model.safetensors"."""
    parts = Path(path).parts
    name = _HASH.sub("", Path(path).name)
    return f"{parts[0]}/{name}" if len(parts) > 1 else name


def _below(path: str, folder: str) -> str:
    """What of `path` follows the last `folder/` in it."""
    return path.rpartition(f"{folder}/")[2]
