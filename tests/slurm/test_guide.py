"""The commands of docs/cluster.md, run on the cluster as they stand there."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .cluster import Cluster, wait_until
from .conftest import long

pytestmark = [pytest.mark.timeout(2400), long]

GUIDE = Path("docs/cluster.md")
# What needs a network, or programs that a test machine has not; tests/workflow/test_software.py
# goes as far as it can with them.
ELSEWHERE = re.compile(r"^apptainer build|--sdm (conda|apptainer)|^make setup$")


def commands(text: str) -> list[list[str]]:
    """The commands of each console block, without their comments."""
    blocks = re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [re.findall(r"^\$ (.*?)(?: +#.*)?$", block, re.MULTILINE) for block in blocks]
    return [[line for line in block if not ELSEWHERE.search(line)] for block in lines]


class Person:
    """A shell on the login node, in the clone."""

    def __init__(self, cluster: Cluster, repository: Path, home: Path) -> None:
        self.root, self.home, self.repository = home / "continual-vqa", home, repository
        fast = Path(__file__).parent / "fastpoll"
        self.environment = {
            **cluster.environment,
            "PYTHONPATH": f"{self.root / 'src'}:{fast}",
            "PYTHONWARNINGS": "default",
            "USER": "root",
        }

    def types(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run one command as it stands, but for what names this machine or never ends."""
        line = line.replace("<this repository>", str(self.repository))
        line = line.replace("tail -f", "tail -n 5")
        where = self.root if self.root.exists() else self.home
        activate = "" if where == self.home else ". .venv/bin/activate; "
        done = subprocess.run(
            ["bash", "-c", f"{activate}{line}"],
            cwd=where,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=1500,
            check=False,
        )
        assert done.returncode == 0, f"$ {line}\n{done.stdout}\n{done.stderr}"
        return done


def snakemakes(root: Path) -> list[int]:
    """The Snakemakes that submit, in this folder."""
    found = subprocess.run(
        ["pgrep", "-f", "snakemake --profile slurm"], capture_output=True, text=True
    )
    pids = [int(pid) for pid in found.stdout.split()]
    return [pid for pid in pids if Path(f"/proc/{pid}/cwd").exists() and _cwd(pid) == root]


def _cwd(pid: int) -> Path:
    return Path(f"/proc/{pid}/cwd").readlink()


def test_from_an_empty_account_to_the_figures_and_over_a_crash(
    cluster: Cluster, repository: Path, tmp_path: Path
) -> None:
    start, run, _, crashed = commands((repository / GUIDE).read_text())
    person = Person(cluster, repository, tmp_path)
    clone, *look = start
    person.types(clone)
    (person.root / ".venv").symlink_to(Path(sys.prefix))
    for line in look:
        person.types(line)
    said = [person.types(line).stdout for line in run]
    assert "ready: snakemake can start" in said[0]
    assert "Group job report" in said[1]
    # A crash of the login node while a job runs.
    wait_until(lambda: cluster.jobs("R"), 300, "a running job")
    for pid in snakemakes(person.root):
        os.kill(pid, signal.SIGKILL)
    for line in crashed:
        person.types(line)
    results = person.root / "results" / "tiny"
    assert list((results / "figures").rglob("*.pdf")) and list((results / "tables").glob("*.md"))
