"""Two Snakemakes in one folder, and the lock that a killed one leaves."""

from __future__ import annotations

import os
import signal

import pytest

from .conftest import long
from .record import Table
from .study import Study, differing

pytestmark = [long, pytest.mark.timeout(3600)]
TARGET = "results/tiny/cells/train/color/G1/index.parquet"


def test_the_second_is_refused_and_touches_nothing(
    fresh: Study, undisturbed: Study, table: Table
) -> None:
    row = table.row("two Snakemakes in one folder")
    first = fresh.start(TARGET)
    job = fresh.wait_job(first)
    os.kill(job, signal.SIGSTOP)  # so that the first is at work for as long as it takes
    with row.fault(2):
        for arguments in ((TARGET,), ("--rerun-incomplete", "--keep-going", TARGET)):
            said = fresh.run(*arguments, ok=False)
            assert "Error: Directory cannot be locked" in said
            assert "--unlock" in said
        os.kill(job, signal.SIGCONT)
        assert first.wait() == 0
        made, whole = fresh.results(), undisturbed.results()
        row.check(lost=[name for name in made if made[name] != whole[name]])


def test_a_stale_lock(finished: Study, undisturbed: Study, table: Table) -> None:
    row = table.row("stale lock")
    run = finished.start("--force", TARGET)
    finished.wait_job(run)
    with row.fault():
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        said = finished.run(TARGET, ok=False)
        assert "Error: Directory cannot be locked" in said
        finished.run("--unlock")
        # A file that nothing else lacks has to be named.
        finished.run("--rerun-incomplete", TARGET)
        row.check(lost=differing(finished.results(), undisturbed.results()))
