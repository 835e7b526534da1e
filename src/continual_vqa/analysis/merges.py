"""Merge reports and alignment logs of a study -> two tables: what merging cost, whose signs turned.

Several runs share a stage, and so its report and its log: each file is read once and told of every
run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Annotated, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from continual_vqa.analysis.schemas import FURTHER
from continual_vqa.config.block import Block
from continual_vqa.config.merge import MergeConfig
from continual_vqa.errors import UserError
from continual_vqa.files.jsons import read_json
from continual_vqa.files.parquet import read_table
from continual_vqa.files.progress import track
from continual_vqa.training.alignment import ALIGNMENT

Row = dict[str, object]
WHOLE = ""  # the part that stands for the whole merge


class MergedStep(Block):
    """One stage of one run that was merged, aligned, or both.

    Attributes
    ----------
    report : the report of the merge after the stage, "" without a merge
    alignment : the log of the stage's align guard, "" without one
    """

    stream: str
    recipe: str
    seed: int
    step: Annotated[int, Field(ge=1)]
    task: str
    report: str = ""
    alignment: str = ""

    def identity(self) -> Row:
        """The columns that both tables share."""
        return self.model_dump(exclude={"report", "alignment"})


class MergeList(Block):
    """What `merges` reads."""

    identity: dict[str, object] = Field(default_factory=dict)
    runs: Annotated[tuple[MergedStep, ...], Field(min_length=1)]


class _Part(BaseModel):
    entries: int
    sign_conflicts: int | None = None  # a brief report counts none


class _Tensor(BaseModel):
    part: str
    rule: Literal["merged", "copied", "excluded"]
    refactor_error: float | None = None


class _Report(BaseModel):
    """What the tables need of a merge report; the report says more."""

    model_config = ConfigDict(extra="ignore")

    config: MergeConfig
    inputs: tuple[object, ...]
    seconds: float
    peak_bytes: int
    bytes_read: int
    bytes_written: int
    parts: dict[str, _Part]
    tensors: tuple[_Tensor, ...] = ()

    def refactor_error(self, part: str) -> float | None:
        """The largest error of refactoring an update to its rank within a part."""
        found = [t.refactor_error for t in self.tensors if part in (WHOLE, t.part)]
        return max((error for error in found if error is not None), default=None)


def merges(steps: Iterable[MergedStep]) -> dict[str, pa.Table]:
    """The tables "merges" and "alignment" (schemas.FURTHER).

    Raises
    ------
    UserError : a report or a log is missing, damaged, or of another kind
    """
    reported, logged = lru_cache(maxsize=None)(_reported), lru_cache(maxsize=None)(_logged)
    rows: dict[str, list[Row]] = {"merges": [], "alignment": []}
    steps = list(steps)
    for step in track(steps, len(steps), "stages read"):
        if step.report:
            rows["merges"] += [{**step.identity(), **row} for row in reported(step.report)]
        if step.alignment:
            rows["alignment"] += [{**step.identity(), **row} for row in logged(step.alignment)]
    return {name: pa.Table.from_pylist(found, FURTHER[name]) for name, found in rows.items()}


def _reported(path: str) -> list[Row]:
    """The rows about one merge, the whole first, without the run."""
    try:
        report = _Report.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(
            f"{'.'.join(map(str, first['loc']))}: {first['msg']}",
            where=path,
            expected="the report of a merge",
            do="merge again with this version",
        ) from error
    return list(_merge_rows(report))


def _merge_rows(report: _Report) -> Iterator[Row]:
    made = report.config
    common = {"kind": made.kind, "of": made.of, "space": made.space, "inputs": len(report.inputs)}
    counted = [part.sign_conflicts for part in report.parts.values()]
    known = [count for count in counted if count is not None]
    yield {
        **common,
        "part": WHOLE,
        "entries": sum(part.entries for part in report.parts.values()),
        "conflicts": sum(known) if len(known) == len(counted) else None,
        "seconds": report.seconds,
        "peak_mb": report.peak_bytes / 1e6,
        "bytes_read": report.bytes_read,
        "bytes_written": report.bytes_written,
        "refactor_error": report.refactor_error(WHOLE),
    }
    for name, part in sorted(report.parts.items()):
        yield {
            **common,
            "part": name,
            "entries": part.entries,
            "conflicts": part.sign_conflicts,
            "refactor_error": report.refactor_error(name),
        }


def _logged(path: str) -> list[Row]:
    """The rows of one alignment log, without the run."""
    return [
        {
            "update": row["step"],
            "part": row["part"],
            "entries": row["entries"],
            "conflicts": row["conflicts"],
            "share": row["conflicts"] / row["entries"] if row["entries"] else float("nan"),
            "conflicts_all": row["misaligned_all"],
            "reset": row["reset"],
        }
        for row in read_table(path, ALIGNMENT).to_pylist()
    ]
