"""A stage that two nodes train together ends with the bytes of two processes on one machine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from workflow.conftest import copy_repository

from .cluster import wait_until
from .conftest import Desk, long
from .processes import processes

pytestmark = pytest.mark.timeout(3000)

# Long enough to be interrupted twice on a machine that does 100 steps a second.
CHANGES = {
    "stream": {"skills": ["location"], "groups": ["G1"], "held_out": ["none"]},
    "training": {"epochs": 2500, "batch_size": 20, "save_every_minutes": 0.01},
    "recipes": ["sequential"],
}


def snakemake(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "--nocolor", "--cores", "2"),
            *("--configfile", "config/tiny.yaml", *arguments),
        ],
        cwd=root,
        env={**os.environ, "PYTHONPATH": "src", "PYTHONWARNINGS": "default"},
        capture_output=True,
        text=True,
        check=True,
        timeout=900,
    )
    return done.stdout + done.stderr


def write_study(root: Path, **train: int) -> None:
    """The study with what its training asks for."""
    path = root / "config" / "tiny.yaml"
    study = {**yaml.safe_load(path.read_text()), **CHANGES}
    study["resources"] = {**study["resources"], "train": {"mem_mb": 3000, **train}}
    path.write_text(yaml.safe_dump(study))


@pytest.fixture
def study(desk: Desk, repository: Path) -> Iterator[tuple[Desk, bytes]]:
    """All that comes before training, on the desk; and what two processes here make of it."""
    (desk.root / "src").unlink()
    copy_repository(repository, desk.root)
    write_study(desk.root)
    snakemake(desk.root, "--until", "base", "shard")
    local = desk.root.parent / "local"
    shutil.copytree(desk.root, local, symlinks=True)
    write_study(local, processes=2)
    snakemake(local, "--until", "train")
    yield desk, model(local).read_bytes()


def model(root: Path) -> Path:
    (found,) = (root / "results" / "tiny" / "stages").rglob("model.safetensors")
    return found


def workers(root: Path) -> list[int]:
    """Ids of the processes that train below `root`, without torchrun and srun above them."""
    found = []
    for process in processes(sys.executable):
        with suppress(OSError):
            words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
            variables = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
            here = Path(f"/proc/{process}/cwd").readlink() == root
            if here and b"train" in words and any(v.startswith(b"LOCAL_RANK=") for v in variables):
                found.append(process)
    return found


@long
def test_two_nodes_train_a_stage_that_is_interrupted_twice(study: tuple[Desk, bytes]) -> None:
    desk, expected = study
    cluster = desk.cluster
    desk.site(nodes=2, gpus=2, gpu_model="h200")
    run = desk.start("--configfile", "config/tiny.yaml", "--until", "train")
    saved = "results/tiny/scratch/**/inflight.safetensors"
    first = run.wait_job("train", 300, file=saved)
    asked = cluster.describe(first)
    assert asked["NodeList"] == "gpu[1-2]" and asked["JOB_GRES"] == "gpu:h200:4"
    # As at a time limit: SIGTERM to all nodes, and time to save.
    cluster.ask("scancel", "--signal=TERM", first)
    wait_until(lambda: first not in cluster.jobs("R", "CG"), 120, "ended")
    wait_until(lambda: workers(desk.root) == [], 30, "all processes ended")
    assert "resume me: SIGTERM" in desk.job_logs()
    (state,) = desk.root.glob(saved)
    before = state.stat().st_mtime_ns
    second = run.wait_job("train", 300)
    wait_until(lambda: state.stat().st_mtime_ns != before, 300, "a state saved by the second job")
    # As when one node runs out of memory: the other ends too, and the job fails.
    os.kill(workers(desk.root)[-1], signal.SIGKILL)
    wait_until(lambda: second not in cluster.jobs("R", "CG"), 120, "ended")
    wait_until(lambda: workers(desk.root) == [], 30, "all processes ended")
    run.finish(600)
    assert model(desk.root).read_bytes() == expected
