"""SIGKILL at random moments, of jobs and of Snakemake itself: the results stay the same bytes."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from .conftest import long
from .record import Row, Table
from .study import Study, differing, make, remains

pytestmark = pytest.mark.timeout(7200)

KILLS, RETRIES = 100, 3
# Folder of benchmark files -> verb, where they differ.
VERBS = {"base": "pretrain", "figures": "figure", "tables": "table"}


def seconds_of(study: Study) -> dict[str, float]:
    """Verb -> how long its shortest job took, from the benchmark files of a run."""
    found: dict[str, float] = {}
    for path in (study.folder / "benchmarks").rglob("*.tsv"):
        folder = path.relative_to(study.folder / "benchmarks").parts[0].removesuffix(".tsv")
        seconds = float(path.read_text().splitlines()[1].split("\t")[0])
        verb = VERBS.get(folder, folder)
        found[verb] = min(found.get(verb, seconds), seconds)
    return found


class Killer:
    """Kills jobs of a running study, each a few times, at moments drawn over their whole length."""

    def __init__(self, study: Study, row: Row, lengths: dict[str, float], draw: Random) -> None:
        self._study, self._row, self._lengths, self._draw = study, row, lengths, draw
        self._due: dict[int, float] = {}
        self._killed: Counter[str] = Counter()

    def watch(self, run: subprocess.Popen[str]) -> int:
        """Kill until the run has ended; returns its exit code."""
        while run.poll() is None:
            for process, words in list(self._study.jobs()):
                job = " ".join(words)
                wanted = process not in self._due and self._killed[job] < RETRIES
                if wanted and self._begun(words, self._killed[job]):
                    moment = self._draw.uniform(0, self._lengths[words[0]])
                    self._due[process] = time.monotonic() + moment
                if time.monotonic() >= self._due.get(process, math.inf):
                    self._kill(process, words)
                    self._killed[job] += 1
            time.sleep(0.02)
        return run.returncode

    def _begun(self, words: list[str], kills: int) -> bool:
        """Whether the time from which a moment is drawn has come: after the first kill of a job
        that saves its state, when a state is saved.
        """
        return "--scratch" not in words or not kills or self._saved(words)

    def _saved(self, words: list[str]) -> bool:
        scratch = self._study.root / words[words.index("--scratch") + 1]
        return any(scratch.glob("inflight.safetensors"))

    def _kill(self, process: int, words: list[str]) -> None:
        del self._due[process]
        saved = "--scratch" in words and self._saved(words)
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
            self._row.injected += 1
            self._row.count(words[0])
            self._row.count("with a saved state", saved)


@long
def test_jobs_killed_all_over_the_dag(
    repository: Path, undisturbed: Study, tmp_path: Path, table: Table
) -> None:
    row, draw = table.row("kill -9 of a job at a random moment"), Random(1)
    lengths = seconds_of(undisturbed)
    while row.injected < KILLS:
        study = make(repository, tmp_path / f"study-{row.injected}")
        killer = Killer(study, row, lengths, draw)
        assert killer.watch(study.start("--keep-going", "--retries", str(RETRIES))) == 0
        row.check(lost=differing(study.results(), undisturbed.results()))
        assert remains(study.folder) == []
        row.survived = row.injected
    assert len(lengths.keys() & row.detail.keys()) >= 12, "kills reach jobs all over the DAG"


@long
def test_snakemake_killed(fresh: Study, undisturbed: Study, table: Table) -> None:
    row, draw, count = table.row("kill -9 of Snakemake, its jobs running on"), Random(2), 10
    whole = sum(seconds_of(undisturbed).values())
    for _ in range(count):
        run = fresh.start("--rerun-incomplete")
        fresh.wait_job(run)
        time.sleep(draw.uniform(0, whole / count))
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
    row, draw = table.row("kill -9 of Snakemake and all its jobs"), Random(3)
    whole = sum(seconds_of(undisturbed).values())
    for _ in range(3):
        run = fresh.start("--rerun-incomplete")
        fresh.wait_job(run)
        time.sleep(draw.uniform(0, whole / 3))
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
