"""The verb `doctor`: here, and against programs that stand for a cluster."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from continual_vqa.cli import main
from continual_vqa.config.places import REPOSITORY

SLURM = {
    "scontrol": "echo 'MinJobAge = 300 sec'",
    "sbatch": "case \"$*\" in *--partition=gpu*) echo 'allocation failure: no such partition' >&2;"
    " exit 1;; esac; echo 'sbatch: Job 5 to start'",
    "srun": 'shift $(($# - 2)); "$@"',
}


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(REPOSITORY)
    path = tmp_path / "study.yaml"
    path.write_text(f"name: x\nresults: {tmp_path / 'results'}\nrecipes: [sequential]\n")
    return str(path)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, line in SLURM.items():
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")


def test_a_study_that_can_start(study: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--configfile", study]) == 0
    out = capsys.readouterr().out
    assert "study x: 9 train" in out and out.rstrip().endswith("ready: snakemake can start")


def test_later_files_win_and_mistakes_are_named(
    study: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("recipes: [joint]\nresources: {train: {gpu: 3}}\n")
    assert main(["doctor", "--configfile", study, "--configfile", str(other), "--json"]) == 1
    summary = json.loads(capsys.readouterr().out)
    assert summary["study"] == "x" and summary["bad"] == 1
    assert [f["about"] for f in summary["findings"] if f["level"] == "bad"] == ["GPU"]
    other.write_text("- 1")
    assert main(["doctor", "--configfile", str(other)]) == 2
    assert "holds no keys" in capsys.readouterr().err
    assert main(["doctor", "--configfile", str(tmp_path / "none")]) == 2


def test_the_cluster_is_asked(
    study: str, cluster: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["doctor", "--configfile", study, "--profile", "slurm", "--on-node"]
    assert main(run) == 1
    out = capsys.readouterr().out
    assert "ok   shared folder" in out and "ok   jobs: group data" in out
    assert "BAD  jobs: train" in out and "no such partition" in out
    site = tmp_path / "site.yaml"
    site.write_text("cpu_partition: cpu\n")
    assert main([*run, "--site", str(site)]) == 0
    assert "ready" in capsys.readouterr().out


def test_without_slurm_that_is_what_is_wrong(
    study: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["doctor", "--configfile", study, "--profile", "slurm"]) == 1
    assert "there is no sbatch here" in capsys.readouterr().out
