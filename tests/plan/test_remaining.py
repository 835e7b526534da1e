"""What a running study has left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from continual_vqa.plan.dry_run import PendingJob
from continual_vqa.plan.remaining import ended, remaining, runs_here

SINCE = 1_000_000.0
HEAD = "s\th:m:s\n"


def job(root: Path, name: str) -> PendingJob:
    return PendingJob("train", (), (str(root / name),), "Missing", str(root / f"benchmarks/{name}"))


def end(job: PendingJob, seconds: float, at: float) -> None:
    record = Path(job.benchmark)
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(f"{HEAD}{seconds}\t0:00:01\n")
    os.utime(record, (at, at))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "results" / "study"


def test_a_job_has_ended_once_its_record_is_newer_than_the_look(root: Path) -> None:
    one = job(root, "train/a.tsv")
    assert not ended(one, SINCE)
    end(one, 10, SINCE - 1)
    assert not ended(one, SINCE), "the record is that of an earlier run"
    end(one, 10, SINCE + 1)
    assert ended(one, SINCE)


def test_the_pace_so_far_tells_how_long_the_rest_takes(root: Path) -> None:
    jobs = [job(root, f"train/{n}.tsv") for n in range(4)]
    end(jobs[0], 10, SINCE + 10)
    first = remaining(jobs, [root], SINCE, SINCE + 20, cores=2)
    assert (first.jobs, first.done, first.left) == (4, 1, 3)
    assert first.seconds == pytest.approx(3 * 10 * 2), "20 s for work of 10"
    end(jobs[1], 10, SINCE + 20)
    assert remaining(jobs, [root], SINCE, SINCE + 20, cores=2).seconds == pytest.approx(20)


def test_before_a_job_has_ended_all_cores_are_taken_as_at_work(root: Path) -> None:
    jobs = [job(root, f"train/{n}.tsv") for n in range(4)]
    end(job(root, "train/old.tsv"), 10, SINCE - 50)
    found = remaining(jobs, [root], SINCE, SINCE + 5, cores=2)
    assert found.done == 0 and found.seconds == pytest.approx(4 * 10 / 2)


def test_jobs_that_were_never_measured_count_as_the_others(root: Path) -> None:
    jobs = [job(root, "train/a.tsv"), job(root, "train/b.tsv"), job(root, "merge/c.tsv")]
    end(jobs[0], 10, SINCE + 10)
    assert remaining(jobs, [root], SINCE, SINCE + 10, cores=1).seconds == pytest.approx(20)
    alone = [job(root, "merge/c.tsv")]
    assert remaining(alone, [root], SINCE, SINCE + 10, cores=1).seconds is None


def test_snakemake_is_at_work_where_its_locks_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert not runs_here()
    (tmp_path / ".snakemake/locks").mkdir(parents=True)
    assert not runs_here()
    (tmp_path / ".snakemake/locks/0.output.lock").touch()
    assert runs_here()
