"""A full disk: one clear line, and everything that was there before stays as it was."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from .conftest import Material
from .test_bad_input import contents

# A limit on the size of a file stands in for the end of the disk; Python ignores its signal, so
# that writing fails with an error as it does on a full disk.
LIMIT = 1000


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))


@pytest.mark.parametrize("verb", ["index", "shard_cell", "train", "predict", "score"])
def test_no_space_left(verb: str, material: Material) -> None:
    command = getattr(material, verb)()
    before = contents(material.root)
    done = subprocess.run(
        [sys.executable, "-m", "continual_vqa", *command],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limited,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == 2, done.stderr
    assert len(lines) == 1
    assert "cannot write" in lines[0]
    assert "Traceback" not in done.stderr
    assert contents(material.root) == before
