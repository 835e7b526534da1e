"""What banks of adapters do, what every recipe keeps, and what its steps cost: three tables.

Costs are those that Snakemake measured of the jobs' processes; several runs share a job, whose cost
is then told of each of them. A job that was stopped and went on is told by its last part alone.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import pyarrow as pa
from pydantic import Field

from continual_vqa.analysis.schemas import FURTHER
from continual_vqa.config.block import Block
from continual_vqa.errors import UserError
from continual_vqa.evaluation.bank_table import BANK_USE
from continual_vqa.evaluation.tables import PREDICTIONS
from continual_vqa.files.jsons import utf8
from continual_vqa.files.parquet import read_table
from continual_vqa.files.progress import track
from continual_vqa.files.reading import read_file
from continual_vqa.files.tensors import read_header

Row = dict[str, object]
# Of a job's record, which has two lines. Choice of this project.
MAX_COST = 1 << 20
# A process that has imported torch holds several times as much, in MiB; one that waits for a warm
# process a fourth.
IMPORTED = 64
# Adapters are told from keys, queries and heads by what their parameters are called.
_ADAPTER = re.compile(r"bank\.(.+\.)?(down|up)\.(weight|bias)")


class TrainingJob(Block):
    """A training job: its phase, "" without a bank, and Snakemake's record of its cost."""

    phase: str
    cost: str


class BankStep(Block):
    """One step of one run.

    Attributes
    ----------
    own : the checkpoint of the step's stage
    kept : the checkpoints that answer the tasks so far
    training : the jobs that trained the step
    predictions, answering : the answers after the step, and Snakemake's record of their cost
    use : what the adapters do (BANK_USE), "" without a bank
    """

    stream: str
    recipe: str
    seed: int
    step: Annotated[int, Field(ge=1)]
    task: str
    own: str
    kept: Annotated[tuple[str, ...], Field(min_length=1)]
    training: Annotated[tuple[TrainingJob, ...], Field(min_length=1)]
    predictions: str
    answering: str
    use: str = ""

    def identity(self) -> Row:
        """The columns that all three tables share."""
        return self.model_dump(include={"stream", "recipe", "seed", "step", "task"})


class BankList(Block):
    """What `banks` reads."""

    identity: dict[str, object] = Field(default_factory=dict)
    runs: Annotated[tuple[BankStep, ...], Field(min_length=1)]


def banks(steps: Iterable[BankStep], base: str | Path) -> dict[str, pa.Table]:
    """The tables "adapters", "growth" and "costs" (schemas.FURTHER); `base`: the base's weights.

    Raises
    ------
    UserError : a file is missing, damaged, or of another kind
    """
    sizes, costs = lru_cache(maxsize=None)(sizes_of), lru_cache(maxsize=None)(cost_of)
    rows: dict[str, list[Row]] = {"adapters": [], "growth": [], "costs": []}
    steps = list(steps)
    for step in track(steps, len(steps), "steps read"):
        run = step.identity()
        if step.use:
            rows["adapters"] += [{**run, **r} for r in read_table(step.use, BANK_USE).to_pylist()]
        own, kept = sizes(step.own), [sizes(path) for path in step.kept]
        found = {
            "own": own["all"],
            "adapter": own["adapter"],
            "kept": tuple(map(sum, zip(*(each["all"] for each in kept), strict=True))),
            "base": sizes(str(base))["all"],
        }
        growth: Row = {f"{name}_entries": entries for name, (entries, _) in found.items()}
        growth |= {f"{name}_bytes": size for name, (_, size) in found.items()}
        rows["growth"].append({**run, **growth})
        for job in step.training:
            rows["costs"].append({**run, "work": "train", "phase": job.phase, **costs(job.cost)})
        answered = read_table(step.predictions, PREDICTIONS, ["step"]).num_rows
        answering = {"work": "predict", "phase": "", "questions": answered}
        rows["costs"].append({**run, **answering, **costs(step.answering)})
    return {name: pa.Table.from_pylist(found, FURTHER[name]) for name, found in rows.items()}


def sizes_of(path: str) -> dict[str, tuple[int, int]]:
    """Entries and bytes of "all" tensors of a safetensors file, and of those of an "adapter"."""
    _, tensors = read_header(path)
    kinds = {"all": list(tensors), "adapter": [n for n in tensors if _ADAPTER.fullmatch(n)]}
    return {
        kind: (
            sum(tensors[name].size for name in names),
            sum(tensors[name].end - tensors[name].begin for name in names),
        )
        for kind, names in kinds.items()
    }


def cost_of(path: str) -> Row:
    """Seconds and highest resident memory (10^6 bytes) from a benchmark file of Snakemake.

    The memory is None where the job ended before it was measured, or was done by a warm process
    (verb `warm`): what Snakemake then measures does nothing but wait.

    Raises
    ------
    UserError : the file is missing, or is none of Snakemake's
    """
    try:
        text = utf8(read_file(path, MAX_COST), path)
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter="\t"))
        seconds, memory = _seconds(rows[-1]["s"]), _number(rows[-1]["max_rss"])
    except (LookupError, TypeError, ValueError, csv.Error) as error:
        raise UserError(
            "is no record of a job's cost",
            where=path,
            expected="columns s and max_rss, as Snakemake's benchmark writes them",
            do="run the job again with snakemake --forcerun",
        ) from error
    if memory is not None and memory < IMPORTED:
        memory = None
    # Snakemake counts memory in units of 2^20 bytes.
    return {"seconds": seconds, "peak_mb": None if memory is None else memory * 2**20 / 1e6}


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < math.inf:
        raise ValueError(text)
    return value


def _number(text: str) -> float | None:
    if text in ("-", "NA"):
        return None
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value
