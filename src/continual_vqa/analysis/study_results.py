"""A finished study's two tables, with the look-ups that tables and figures share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from continual_vqa.analysis.schemas import FURTHER, METRICS, SUMMARY
from continual_vqa.analysis.statistics import (
    NO_INTERVAL,
    QUESTIONS,
    Estimate,
    over_seeds,
    paired_difference,
)
from continual_vqa.config.recipe import Recipe
from continual_vqa.errors import UserError
from continual_vqa.files.parquet import read_table
from continual_vqa.plan.streams import STANDARD

NO_FILES: Mapping[str, str] = {}


@dataclass(frozen=True, eq=False)
class Results:
    """Metrics and summary of a study; recipes, streams and tasks keep the order of the config."""

    metrics: pa.Table
    summary: pa.Table
    further: Mapping[str, pa.Table] = field(default_factory=dict)
    # Files of published numbers, and the JSON object of dotted config keys that tells whether they
    # compare: read by what shows them alone.
    published: Sequence[str] = ()
    study: str = "{}"

    @classmethod
    def read(
        cls,
        metrics: str | Path,
        summary: str | Path,
        further: Mapping[str, str | Path] = NO_FILES,
        published: Sequence[str] = (),
        study: str = "{}",
    ) -> Results:
        """The tables that `aggregate` wrote, and those of `schemas.FURTHER` that are given.

        `published`, `study`: what is put beside them, see `analysis.published`.
        """
        tables = {name: read_table(path, FURTHER[name]) for name, path in further.items()}
        own = (read_table(metrics, METRICS), read_table(summary, SUMMARY))
        results = cls(*own, tables, published, study)
        if not results.metrics.num_rows:
            raise UserError("holds no accuracies", where=metrics, do="aggregate some scores first")
        return results

    @cached_property
    def _rows(self) -> list[dict]:
        return self.metrics.to_pylist()

    @cached_property
    def _values(self) -> dict[tuple[str, str, str, str], dict[int, dict]]:
        """(stream, recipe, metric, task) -> seed -> row of the summary."""
        found: dict[tuple[str, str, str, str], dict[int, dict]] = {}
        for row in self.summary.to_pylist():
            key = (row["stream"], row["recipe"], row["metric"], row["task"])
            found.setdefault(key, {})[row["seed"]] = row
        return found

    def rows(self, table: str, stream: str) -> list[dict]:
        """The rows of a further table ("masks", "damage", ...) about one stream.

        Raises
        ------
        UserError : the table was not given, or says nothing about the stream
        """
        if table not in self.further:
            raise UserError(f"the study's table {table!r} is needed", do=f"give --{table}")
        found = [r for r in self.further[table].to_pylist() if r["stream"] == stream]
        if not found:
            raise UserError(f"the table {table!r} has no rows about stream {stream!r}")
        return found

    @cached_property
    def slots(self) -> dict[str, Recipe]:
        """Recipe -> its slots, in the order of the config."""
        found = {row["recipe"]: row["slots"] for row in self.summary.to_pylist()}
        return {name: Recipe.model_validate_json(text) for name, text in found.items()}

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Recipe -> its number, which gives it the same colour and mark in all figures."""
        return {name: number for number, name in enumerate(self.titles)}

    @cached_property
    def titles(self) -> dict[str, str]:
        """Recipe -> its name in tables and figures."""
        return {row["recipe"]: row["title"] for row in self._rows}

    @cached_property
    def held_out(self) -> dict[str, str]:
        """Stream -> its held-out concept group, or "none"."""
        return {row["stream"]: row["held_out"] for row in self._rows}

    @cached_property
    def orders(self) -> dict[str, str]:
        """Stream -> the order of its tasks."""
        return {row["stream"]: row["order"] for row in self._rows}

    def streams(self, *, novel: bool) -> list[str]:
        """The streams that hold a composition out, or those that do not."""
        return [s for s, group in self.held_out.items() if (group != STANDARD) == novel]

    def main_stream(self) -> str:
        """The stream shown when none is named: the first standard one, else the first."""
        return next(iter([*self.streams(novel=False), *self.streams(novel=True)]))

    def recipes(self, stream: str) -> list[str]:
        """The recipes run on `stream`."""
        return list(dict.fromkeys(r["recipe"] for r in self._rows if r["stream"] == stream))

    def tasks(self, stream: str) -> list[str]:
        """The tasks of `stream` in the order in which they are learned."""
        places = {r["task"]: r["position"] for r in self._rows if r["stream"] == stream}
        return sorted(places, key=lambda task: places[task])

    def seeds(self, stream: str, recipe: str) -> list[int]:
        """The seeds run."""
        return sorted(self._values.get((stream, recipe, "AP", ""), {}))

    def estimate(self, stream: str, recipe: str, metric: str, task: str = "") -> Estimate:
        """Mean over seeds with its t interval; one seed: the value with its bootstrap interval."""
        rows = self._values.get((stream, recipe, metric, task), {})
        estimate = over_seeds([row["value"] for row in rows.values()])
        if estimate.count != 1:
            return estimate
        row = next(r for r in rows.values() if not math.isnan(r["value"]))
        kind = NO_INTERVAL if math.isnan(row["low"]) else QUESTIONS
        return Estimate(row["value"], row["low"], row["high"], 1, kind)

    def by_seed(self, stream: str, recipe: str, metric: str, task: str = "") -> dict[int, float]:
        """Seed -> value; NaN where not defined."""
        rows = self._values.get((stream, recipe, metric, task), {})
        return {seed: row["value"] for seed, row in rows.items()}

    def difference(self, stream: str, first: str, second: str, metric: str) -> Estimate:
        """first - second in `metric`, paired over the seeds that both recipes have."""
        a = self._values.get((stream, first, metric, ""), {})
        b = self._values.get((stream, second, metric, ""), {})
        seeds = sorted(a.keys() & b.keys())
        return paired_difference([a[s]["value"] for s in seeds], [b[s]["value"] for s in seeds])

    def matrices(self, stream: str, recipe: str) -> np.ndarray:
        """float64 [seeds, steps, tasks], percent; NaN: not evaluated. A joint run: one step."""
        rows = [
            r
            for r in self._rows
            if r["stream"] == stream and r["recipe"] == recipe and not r["group"]
        ]
        seeds = sorted({r["seed"] for r in rows})
        steps = sorted({r["step"] for r in rows})
        values = np.full((len(seeds), len(steps), len(self.tasks(stream))), np.nan)
        for r in rows:
            place = (seeds.index(r["seed"]), steps.index(r["step"]), r["position"] - 1)
            values[place] = r["accuracy"]
        return values

    def is_joint(self, stream: str, recipe: str) -> bool:
        """Whether the recipe learned all tasks at once."""
        return self.matrices(stream, recipe).shape[1] == 1 < len(self.tasks(stream))


def interval_phrase(estimates: list[Estimate]) -> str:
    """How the intervals of a table or figure were made, and over how many seeds, for a caption."""
    counts = sorted({e.count for e in estimates if e.count})
    seeds = "–".join(str(c) for c in sorted({counts[0], counts[-1]})) if counts else "0"
    kinds = sorted({e.interval for e in estimates if e.count} - {NO_INTERVAL})
    return f"{seeds} seed{'' if counts == [1] else 's'}; {' / '.join(kinds) or NO_INTERVAL}"
