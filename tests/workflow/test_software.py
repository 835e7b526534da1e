"""With `--sdm`, jobs run with the software of the image and the code of the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Checkout, copy_repository

# Stands for apptainer: what it is to run in the image runs here, with a Python of its own first.
APPTAINER = """\
#!/bin/bash
set -eu
case "$*" in
  *--version*) echo "apptainer version 1.3.0"; exit 0 ;;
esac
while [ "$1" != "{image}" ]; do shift; done
shift
export PATH={inside}:/usr/bin:/bin
exec "$@"
"""
INSIDE = """\
#!/bin/bash
echo "$@" >> {calls}
exec {python} "$@"
"""


def write_program(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def checkout(repository: Path, tmp_path: Path) -> Checkout:
    copy_repository(repository, tmp_path)
    return Checkout(tmp_path, tmp_path / "config" / "tiny.yaml")


def run(checkout: Checkout, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = f"{checkout.root / 'bin'}:{os.environ['PATH']}"
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--nocolor", *arguments]
    return subprocess.run(
        [*command, "--sdm", "apptainer", "--configfile", str(checkout.config)],
        cwd=checkout.root,
        env={
            **os.environ,
            "PATH": path,
            "PYTHONPATH": str(checkout.root / "src"),
            "PYTHONWARNINGS": "default",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_container_runs_its_own_python(checkout: Checkout) -> None:
    image = checkout.root / "envs" / "continual-vqa.sif"
    image.touch()
    calls = checkout.root / "calls"
    inside = checkout.root / "inside"
    write_program(checkout.root / "bin" / "apptainer", APPTAINER.format(image=image, inside=inside))
    write_program(inside / "python", INSIDE.format(calls=calls, python=sys.executable))
    done = run(checkout, "results/tiny/data/questions.parquet")
    assert done.returncode == 0, done.stdout + done.stderr
    verbs = [line.split()[2] for line in calls.read_text().splitlines()]
    assert verbs == ["miniature", "index"]


def test_an_image_that_was_not_built_is_named(checkout: Checkout) -> None:
    done = run(checkout, "--dry-run")
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "continual-vqa.sif: no such image -> apptainer build" in said
    assert "Traceback" not in said
    assert not shutil.which("apptainer", path=str(checkout.root / "bin"))
