"""A private copy of the workflow, run once on the tiny miniature world."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from continual_vqa.plan.dry_run import PendingJob, parse_dry_run

COPIED = ("Snakefile", "workflow", "config", "envs", "src")


@dataclass(frozen=True)
class Checkout:
    """A copy of the repository whose code, config and data a test may change."""

    root: Path
    config: Path

    def snakemake(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run Snakemake in the copy, with the copy's package."""
        command = [sys.executable, "-m", "snakemake", "--cores", "2", "--nocolor"]
        command += [*arguments, "--configfile", str(self.config)]
        done = subprocess.run(
            command,
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root / "src"), "PYTHONWARNINGS": "default"},
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
        return done

    def pending(self, *arguments: str) -> list[PendingJob]:
        """The jobs that would run now, without the ones that only name targets."""
        done = self.snakemake("--dry-run", *arguments)
        return [job for job in parse_dry_run(done.stdout + done.stderr) if job.outputs]

    def pending_rules(self, *arguments: str) -> Counter[str]:
        return Counter(job.rule for job in self.pending(*arguments))

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace the one occurrence of `old` in a file of the copy."""
        path = self.root / name
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        path.write_text(text.replace(old, new))

    def results(self) -> Path:
        return self.root / "results" / "tiny"


def copy_repository(repository: Path, target: Path) -> None:
    for name in COPIED:
        source = repository / name
        if source.is_dir():
            shutil.copytree(
                source, target / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
            )
        else:
            shutil.copy(source, target / name)


@pytest.fixture(scope="session")
def finished(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The tiny study, run to its end once for all tests of this folder."""
    root = tmp_path_factory.mktemp("finished")
    copy_repository(repository, root)
    config = root / "config" / "tiny.yaml"
    checkout = Checkout(root, config)
    checkout.snakemake()
    return checkout


@pytest.fixture
def checkout(finished: Checkout, tmp_path: Path) -> Checkout:
    """A copy of the finished study that one test may change."""
    root = tmp_path / "study"
    # cp -a keeps the times, by which Snakemake tells what is new.
    subprocess.run(["cp", "-a", str(finished.root), str(root)], check=True)
    return Checkout(root, root / "config" / "tiny.yaml")
