"""What a running study has left, told by the cost records that its jobs leave when they end.

The pace of the run so far corrects the estimate: jobs that wait for a cluster, or share their
cores, take longer than their records say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from continual_vqa.plan.dry_run import PendingJob
from continual_vqa.plan.estimate import estimate, measure, totals

# Snakemake keeps its lock files here while it runs.
LOCKS = Path(".snakemake/locks")


@dataclass(frozen=True, slots=True)
class Remaining:
    """A moment of a run.

    Attributes
    ----------
    jobs, done : of those that were pending when it was first looked at
    seconds : expected until the end; None: no job that is left was ever measured
    """

    jobs: int
    done: int
    seconds: float | None

    @property
    def left(self) -> int:
        """The number of jobs that have not ended."""
        return self.jobs - self.done


def remaining(
    jobs: Sequence[PendingJob], folders: Sequence[Path], since: float, now: float, cores: int
) -> Remaining:
    """What is left at `now` of the jobs that were pending at `since` (both: seconds of the epoch).

    Parameters
    ----------
    folders : results whose records tell what jobs cost; the study's own among them
    """
    measured = measure(folders)
    over: list[PendingJob] = []
    left: list[PendingJob] = []
    for job in jobs:
        (over if ended(job, since) else left).append(job)
    done, rest = totals(estimate(over, measured)), totals(estimate(left, measured))
    known = len(left) - rest["unknown"]
    if left and not known:
        return Remaining(len(jobs), len(over), None)
    # Jobs that were never measured are expected to cost what the others do on average.
    work = rest["core_seconds"] * len(left) / known if left else 0.0
    pace = (now - since) / done["core_seconds"] if done["core_seconds"] else 1 / cores
    return Remaining(len(jobs), len(over), work * pace)


def runs_here() -> bool:
    """Whether Snakemake is at work in this folder."""
    return LOCKS.is_dir() and any(LOCKS.iterdir())


def ended(job: PendingJob, since: float) -> bool:
    """Whether the job has written what it writes last since it was seen pending."""
    path = Path(job.benchmark or job.outputs[-1])
    try:
        return path.stat().st_mtime >= since
    except FileNotFoundError:
        return False
