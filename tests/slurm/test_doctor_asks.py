"""The verb `doctor` against a real controller and a real node."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from continual_vqa.config.places import REPOSITORY

from .conftest import Desk

pytestmark = pytest.mark.timeout(600)

STUDY = "name: asked\nresults: {results}\nrecipes: [sequential]\n"


def doctor(desk: Desk, results: Path) -> subprocess.CompletedProcess[str]:
    study = desk.root / "study.yaml"
    study.write_text(STUDY.format(results=results))
    command = ["doctor", "--profile", "slurm", "--configfile", str(study), "--on-node"]
    site = desk.root / "profiles" / "slurm" / "site.yaml"
    return subprocess.run(
        [sys.executable, "-m", "continual_vqa", *command, "--site", str(site)],
        cwd=REPOSITORY,
        env={**desk.cluster.environment, "PYTHONPATH": str(desk.root / "src")},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_the_cluster_takes_the_jobs_and_sees_the_folder(desk: Desk) -> None:
    done = doctor(desk, desk.root / "results")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a node reads" in done.stdout and "--partition=gpu" in done.stdout
    assert not list((desk.root / "results").iterdir())
    desk.site(gpu_partition="elsewhere", gpus=1)
    done = doctor(desk, desk.root / "results")
    assert done.returncode == 1
    assert "BAD  jobs: train" in done.stdout and "ok   jobs: score" in done.stdout
    assert "invalid partition" in done.stdout.lower()
