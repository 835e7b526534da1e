"""A cluster for all tests here, and a folder with the profile in which a test runs Snakemake."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from .cluster import Cluster, lacking, wait_until

# Set by `make test-slurm`: then a machine without Slurm is a failure, and the long tests run too.
WANTED = os.environ.get("SLURM_TESTS") == "all"
long = pytest.mark.skipif(not WANTED, reason="long: run by `make test-slurm`")


TOLD = pytest.StashKey[list[str]]()


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Takes a line to be shown at the end of the tests."""
    return request.config.stash.setdefault(TOLD, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in terminalreporter.config.stash.get(TOLD, []):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if reason := lacking():
        (pytest.fail if WANTED else pytest.skip)(reason)
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def cluster(_running: Cluster) -> Iterator[Cluster]:
    """The cluster, without jobs and with all nodes up."""
    yield _running
    _running.clear()


@dataclass
class Desk:
    """A folder with a workflow, the profile and a site.yaml of its own."""

    root: Path
    cluster: Cluster
    runs: list[Run] = field(default_factory=list)

    def site(self, **changes: object) -> None:
        """Change keys of site.yaml."""
        path = self.root / "profiles" / "slurm" / "site.yaml"
        path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))

    def start(self, *arguments: str) -> Run:
        """Start `snakemake --profile slurm`."""
        paths = f"{self.root / 'src'}:{Path(__file__).parent / 'fastpoll'}"
        with open(self.root / "snakemake.log", "w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "snakemake", "--profile", "slurm", "--nocolor", *arguments],
                cwd=self.root,
                env={**self.cluster.environment, "PYTHONPATH": paths, "PYTHONWARNINGS": "default"},
                stdout=log,
                stderr=log,
                start_new_session=True,
                # A test run in the background ignores SIGINT, and would hand that on.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        self.runs.append(Run(self, process))
        return self.runs[-1]

    def said(self) -> str:
        return (self.root / "snakemake.log").read_text()

    def job_logs(self) -> str:
        """What Slurm kept of all jobs."""
        folder = self.root / ".snakemake" / "slurm_logs"
        return "\n".join(path.read_text() for path in sorted(folder.rglob("*.log")))


@dataclass
class Run:
    """A Snakemake process on the cluster."""

    desk: Desk
    process: subprocess.Popen[bytes]

    def wait_job(self, rule: str, seconds: float = 300, *, file: str = "") -> str:
        """The id of a running job of `rule`, once there is one (and it has written `file`)."""

        def running() -> list[str]:
            assert self.process.poll() is None, self.desk.said()
            jobs = self.desk.cluster.jobs("R")
            return [job for job, its in jobs.items() if its == rule]

        wait_until(running, seconds, f"a running job of {rule}")
        if file:
            wait_until(lambda: list(self.desk.root.glob(file)), seconds, f"there: {file}")
        return running()[0]

    def finish(self, seconds: float, *, ok: bool = True) -> str:
        """Wait for its end, at most `seconds`; the text it wrote."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running after {seconds:g} s\n{self.text()}") from None
        assert (code == 0) == ok, self.text()
        return self.desk.said()

    def text(self) -> str:
        return f"{self.desk.said()}\n{self.desk.job_logs()}"

    def kill(self) -> None:
        """End it, if it still runs, as a crash of the login node would."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(30)


@pytest.fixture
def desk(cluster: Cluster, repository: Path, tmp_path: Path) -> Iterator[Desk]:
    """A folder with the profile; a test adds its Snakefile."""
    root = tmp_path / "desk"
    shutil.copytree(repository / "profiles", root / "profiles")
    (root / "slurm").symlink_to("profiles/slurm")
    (root / "src").symlink_to(repository / "src")
    desk = Desk(root, cluster)
    yield desk
    for run in desk.runs:
        run.kill()
