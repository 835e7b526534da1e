"""A whole study on the cluster ends with the bytes of a local run, whatever happens on the way."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import polars as pl
import pytest
import yaml

from continual_vqa.config.files import load_files
from continual_vqa.config.site import load_site
from continual_vqa.plan.study_plan import Plan
from continual_vqa.preflight.groups import group_requests
from workflow.conftest import copy_repository

from .cluster import Cluster, wait_until
from .conftest import Desk, long

pytestmark = pytest.mark.timeout(3000)

# Tiny, but a stage that lasts long enough to be interrupted, and saves at once.
CHANGES = {
    "stream": {"skills": ["location", "color"], "groups": ["G1"], "held_out": ["none"]},
    "training": {"epochs": 100, "batch_size": 20, "save_every_minutes": 0.01},
    "recipes": ["sequential", "aim"],
}
# What tells of the run, not of the study: logs, and the speed of training in its curve.
TOLD = {"logs", "benchmarks", "scratch"}
SPEED = "samples_per_second"


def write_study(root: Path, repository: Path) -> None:
    copy_repository(repository, root)
    study = yaml.safe_load((root / "config" / "tiny.yaml").read_text())
    (root / "config" / "tiny.yaml").write_text(yaml.safe_dump({**study, **CHANGES}))


def results(root: Path) -> dict[str, object]:
    """Name -> bytes of every result; curves without their speeds."""
    folder = root / "results" / "tiny"
    files = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return {
        str(name): _curve(path) if name.name == "curve.parquet" else path.read_bytes()
        for name, path in files.items()
        if name.parts[0] not in TOLD
    }


def _curve(path: Path) -> dict[str, list]:
    return pl.read_parquet(path).drop(SPEED).to_dict(as_series=False)


@pytest.fixture(scope="session")
def local(
    _running: Cluster, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, object]:
    """The results of the study, run without a cluster."""
    root = tmp_path_factory.mktemp("local")
    write_study(root, repository)
    subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", "config/tiny.yaml"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": "src", "PYTHONWARNINGS": "default"},
        capture_output=True,
        check=True,
        timeout=900,
    )
    return results(root)


@pytest.fixture
def study(desk: Desk, repository: Path) -> Desk:
    (desk.root / "src").unlink()
    write_study(desk.root, repository)
    return desk


def differing(one: dict[str, object], other: dict[str, object]) -> list[str]:
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


@pytest.mark.parametrize(
    "grouping", [pytest.param("none", marks=long), pytest.param("light", marks=long), "stage"]
)
def test_the_cluster_gives_the_bytes_of_a_local_run(
    study: Desk, local: dict[str, object], grouping: str, tell: Callable[[str], None]
) -> None:
    study.site(grouping=grouping)
    before, begun = set(study.cluster.jobs()), time.monotonic()
    study.start("--configfile", "config/tiny.yaml").finish(1500)
    wall = time.monotonic() - begun
    jobs = [study.cluster.describe(job) for job in {*study.cluster.jobs()} - before]
    tell(costs(grouping, study, jobs, wall))
    trained = [job for job in jobs if job["Comment"].startswith(("rule_train", "rule_stage-"))]
    # The first stage is shared.
    assert len(trained) == 3
    assert {job["Partition"] for job in trained} == {"gpu"}
    assert {job["JOB_GRES"] for job in trained} == {"gpu:h200:1"}
    assert differing(results(study.root), local) == []
    assert any(name.startswith("figures") for name in local)
    if grouping == "stage":
        assert all("predict" in job["Comment"] for job in trained)
        assert len(jobs) <= 10
        check_requests(study, jobs)


def check_requests(study: Desk, jobs: Sequence[Mapping[str, str]]) -> None:
    """The largest job of each group asked for what `doctor` would have said."""
    site = load_site(study.root / "profiles" / "slurm" / "site.yaml")
    plan = Plan(load_files([str(study.root / "config" / "tiny.yaml")]))
    for group, (_, needs) in group_requests(plan, site).items():
        sent = [job for job in jobs if job["Comment"].startswith(f"rule_{group}")]
        asked = {
            "minutes": max(seconds(job["TimeLimit"]) for job in sent) // 60,
            "memory": max(int(job["MinMemoryNode"].removesuffix("M")) for job in sent),
            "cores": max(int(job["CPUs/Task"]) for job in sent),
        }
        assert asked == {
            "minutes": needs.runtime,
            "memory": needs.mem_mb,
            "cores": needs.threads,
        }, group


def costs(grouping: str, study: Desk, jobs: Sequence[Mapping[str, str]], wall: float) -> str:
    """A line on what the jobs cost beside the work that Snakemake's benchmarks tell of."""
    tables = (study.root / "results" / "tiny" / "benchmarks").rglob("*.tsv")
    work = [float(path.read_text().splitlines()[1].split("\t")[0]) for path in tables]
    held = sum(seconds(job["RunTime"]) for job in jobs)
    return (
        f"grouping: {grouping}: {len(work)} jobs of the study, {len(jobs)} of Slurm, {wall:.0f} s;"
        f" {held - sum(work):.0f} s of {held:.0f} s held are not work,"
        f" {(held - sum(work)) / len(jobs):.1f} s a job of Slurm"
    )


def seconds(clock: str) -> int:
    """Slurm's HH:MM:SS."""
    hours, minutes, rest = map(int, clock.split(":"))
    return 3600 * hours + 60 * minutes + rest


@long
def test_what_a_stage_trained_outlives_the_failure_of_what_follows(
    study: Desk, local: dict[str, object]
) -> None:
    study.site(grouping="stage")
    rules = study.root / "workflow" / "rules" / "evaluate.smk"
    text = rules.read_text()
    answer = '"python -m continual_vqa predict '
    assert text.count(answer) == 1
    rules.write_text(text.replace(answer, answer.replace('"', '"test -e go; ')))
    study.start("--configfile", "config/tiny.yaml").finish(1200, ok=False)
    assert "Error in group stage-0-01-location" in study.said()
    assert not list((study.root / "results" / "tiny" / "stages").rglob("model.safetensors"))
    (study.root / "go").touch()
    study.start("--configfile", "config/tiny.yaml").finish(1200)
    logs = (study.root / "results" / "tiny" / "logs" / "train").rglob("01-*.log")
    assert ["before, by the same code" in log.read_text() for log in logs] == [True]
    assert differing(results(study.root), local) == []


def saves(study: Desk) -> set[tuple[str, int]]:
    """The states of training that lie there, each with its time."""
    found = (study.root / "results" / "tiny" / "scratch").rglob("inflight.safetensors")
    return {(str(path), path.stat().st_mtime_ns) for path in found}


@long
def test_interrupted_training_goes_on_and_ends_with_the_same_bytes(
    study: Desk, local: dict[str, object]
) -> None:
    cluster = study.cluster
    run = study.start("--configfile", "config/tiny.yaml")
    first = run.wait_job("train", 900)
    wait_until(lambda: saves(study), 300, "a saved state", every=0.02)
    # As at a time limit or a preemption: SIGTERM, and time to save.
    cluster.ask("scancel", "--signal=TERM", first)
    wait_until(lambda: first not in cluster.jobs("R", "CG"), 120, "ended")
    assert "resume me: SIGTERM" in study.job_logs()
    (saved,) = saves(study)
    second = run.wait_job("train", 300)
    wait_until(lambda: saves(study) != {saved}, 300, "a state saved by the second job", every=0.02)
    # As when the power fails.
    cluster.kill_node(cluster.describe(second)["NodeList"])
    # As by a person.
    cluster.ask("scancel", run.wait_job("predict", 900))
    run.finish(1200)
    assert cluster.describe(second)["Restarts"] == "1"
    assert differing(results(study.root), local) == []
