"""SIGKILL at random moments, of jobs and of Snakemake itself: the results stay the same bytes."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress

import pytest

from .conftest import long
from .record import Row, Table
from .study import Study, differing, remains

pytestmark = pytest.mark.timeout(7200)

KILLS, RETRIES = 100, 3


def seconds_of(study: Study) -> dict[str, float]:
    """Verb -> how long its longest job took, from the benchmark files of a run."""
    found: dict[str, float] = {}
    for path in (study.folder / "benchmarks").rglob("*.tsv"):
        verb = path.relative_to(study.folder / "benchmarks").parts[0].removesuffix(".tsv")
        seconds = float(path.read_text().splitlines()[1].split("\t")[0])
        found[verb] = max(found.get(verb, 0), seconds)
    return found


class Killer:
    """Kills jobs of a running study, each a few times, at moments drawn over their whole length."""

    def __init__(self, study: Study, row: Row, lengths: dict[str, float], seed: int) -> None:
        self._study, self._row, self._lengths = study, row, lengths
        self._draw = random.Random(seed)
        self._due: dict[int, float] = {}
        self._verbs: dict[int, str] = {}
        self._killed: dict[str, int] = {}

    def watch(self, run) -> int:
        """Kill until the run has ended; returns its exit code."""
        while run.poll() is None:
            now = time.monotonic()
            for process, verb, output in list(self._study.jobs()):
                if process not in self._due and self._killed.get(output, 0) < RETRIES:
                    length = self._lengths.get(verb, self._lengths["mask"])
                    self._due[process] = now + self._draw.uniform(0, length)
                    self._verbs[process] = verb
                if now >= self._due.get(process, now + 1):
                    self._kill(process, output)
            time.sleep(0.02)
        return run.returncode

    def _kill(self, process: int, output: str) -> None:
        del self._due[process]
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
            self._row.injected += 1
            self._row.count(self._verbs[process])
            self._killed[output] = self._killed.get(output, 0) + 1


def states(study: Study) -> int:
    """How often a job went on from a saved state."""
    return sum(
        path.read_text(errors="replace").count("goes on from")
        for path in (study.folder / "logs").rglob("*.log")
    )


@long
def test_jobs_killed_all_over_the_dag(fresh: Study, undisturbed: Study, table: Table) -> None:
    row = table.row("kill -9 of a job at a random moment")
    killer = Killer(fresh, row, seconds_of(undisturbed), seed=1)
    code = killer.watch(fresh.start("--keep-going", "--retries", str(RETRIES)))
    if code:
        fresh.run("--rerun-incomplete")
    row.check(lost=differing(fresh.results(), undisturbed.results()))
    assert remains(fresh.folder) == []
    row.survived = row.injected
    assert row.injected >= KILLS
    assert len(row.detail) >= 12, "kills reach all kinds of jobs"


@long
def test_snakemake_killed(fresh: Study, undisturbed: Study, table: Table) -> None:
    row, draw, count = table.row("kill -9 of Snakemake, its jobs running on"), random.Random(2), 10
    whole = sum(seconds_of(undisturbed).values())
    for _ in range(count):
        run = fresh.start("--rerun-incomplete")
        time.sleep(3 + draw.uniform(0, whole / count))
        with suppress(ProcessLookupError):
            os.kill(run.pid, signal.SIGKILL)
        if run.wait() != -signal.SIGKILL:
            break
        row.injected += 1
        row.count("jobs left running", len(list(fresh.jobs())))
        refused = fresh.run("--rerun-incomplete", ok=False)
        assert "--unlock" in refused
        fresh.run("--unlock")
        # The next run starts at once, while the jobs of the killed one are still at work.
    fresh.run("--rerun-incomplete")
    row.check(lost=differing(fresh.results(), undisturbed.results()))
    assert remains(fresh.folder) == []
    row.survived = row.injected
    assert row.injected >= 5


@long
def test_everything_killed_at_once(fresh: Study, undisturbed: Study, table: Table) -> None:
    row, draw = table.row("kill -9 of Snakemake and all its jobs"), random.Random(3)
    whole = sum(seconds_of(undisturbed).values())
    for _ in range(3):
        run = fresh.start("--rerun-incomplete")
        time.sleep(3 + draw.uniform(0, whole / 3))
        os.killpg(run.pid, signal.SIGKILL)
        if run.wait() != -signal.SIGKILL:
            break
        row.injected += 1
        fresh.run("--unlock")
    fresh.run("--rerun-incomplete")
    row.check(lost=differing(fresh.results(), undisturbed.results()))
    assert remains(fresh.folder) == []
    row.survived = row.injected
    assert row.injected
