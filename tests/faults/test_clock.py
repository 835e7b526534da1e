"""Times of files in the future or the past: nothing is made without need, nothing forgotten."""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path

import pytest

from .conftest import long
from .record import Table
from .study import Study, differing

pytestmark = [long, pytest.mark.timeout(3600)]
HOUR = 3600.0


def shift(paths: list[Path], seconds: float) -> None:
    """As if a clock had been wrong by so much when the files were written."""
    for path in paths:
        old = path.stat().st_mtime
        os.utime(path, (old + seconds, old + seconds))


def files(study: Study) -> list[Path]:
    """Each file once: what a stage made has a second name in `scratch/`."""
    names = {(p.stat().st_dev, p.stat().st_ino): p for p in study.folder.rglob("*") if p.is_file()}
    return sorted(names.values())


def pending(study: Study, *arguments: str) -> int:
    return study.run("--dry-run", *arguments).count("reason:")


@pytest.mark.parametrize("hours", [-24, -1, 1, 24])
def test_all_files_of_another_time(finished: Study, table: Table, hours: int) -> None:
    row = table.row("clock skew")
    with row.fault():
        # Taxonomies in config/ are read too.
        shift([*files(finished), *(finished.root / "config").rglob("*.yaml")], hours * HOUR)
        assert pending(finished) == 0
        # Also where no file is small enough for its content to be compared.
        assert pending(finished, "--max-checksum-file-size", "1") == 0


@pytest.mark.parametrize("seed", range(4))
def test_files_of_different_times(
    finished: Study, undisturbed: Study, table: Table, seed: int
) -> None:
    """Every file was written by a machine with a clock of its own."""
    row, draw = table.row("clock skew"), random.Random(seed)
    with row.fault():
        for path in files(finished):
            shift([path], draw.uniform(-2, 2) * HOUR)
        assert pending(finished) == 0
        row.check(lost=differing(finished.results(), undisturbed.results()))


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_change_is_seen_whatever_its_time(
    finished: Study, undisturbed: Study, table: Table, hours: int
) -> None:
    """An edit by a machine whose clock is ahead is seen, refused by name, and mended by `touch`.

    One that looks older than what was made of it is seen when the file is touched.
    """
    row = table.row("clock skew")
    path = next(finished.folder.rglob("v2_mscoco_train2014_annotations.json"))
    whole = path.read_bytes()
    with row.fault():
        path.write_text(json.dumps(json.loads(whole), indent=1))
        then = time.time() + hours * HOUR
        os.utime(path, (then, then))
        if hours > 0:
            said = finished.run(ok=False)
            assert "clock skew" in said
            assert path.name in said
        os.utime(path)
        assert pending(finished) > 0
        finished.run("--rerun-incomplete")
        path.write_bytes(whole)
        row.check(lost=differing(finished.results(), undisturbed.results()))
