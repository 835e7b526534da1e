"""A full or read-only file system: one clear line, nothing corrupt, the same bytes later."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from continual_vqa.cli import main

from . import disks
from .conftest import Material, long
from .record import Table
from .study import Study, differing, forget, remains
from .test_damage import contents, elsewhere

LACKING = disks.lacking()
pytestmark = [
    pytest.mark.skipif(bool(LACKING), reason=LACKING),
    pytest.mark.timeout(3600),
]

# Verb -> words of one of its jobs.
JOBS = {
    "index": (),
    "shard": ("train/color",),
    "train": ("02-color",),
    "importance": (),
    "mask": (),
    "memory": (),
    "merge": (),
    "drift": (),
    "predict": ("01-location",),
    "score": ("01-location",),
    "aggregate": (),
    "figure": ("forgetting",),
    "table": ("main",),
    "gallery": (),
    "manifest": ("test/",),
    "pretrain": (),
}


def refused(command: list[str], capfd: pytest.CaptureFixture[str]) -> str:
    """The one line with which a command ends that cannot write."""
    capfd.readouterr()
    assert main(command) == 2
    said = capfd.readouterr().err
    lines = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, said
    assert "Traceback" not in said
    return lines[0]


def check_full(
    command: list[str], disk: Path, share: float, table: Table, capfd: pytest.CaptureFixture[str]
) -> None:
    """Run on a full disk, then on the same with room: the bytes of a disk that was never full.

    There is room for a `share` of the smallest output.
    """
    row = table.row("disk full, one job")
    out = disk / "out"
    out.mkdir()
    assert main(elsewhere(command, out)) == 0
    expected = contents(out)
    left = int(share * min(map(len, expected.values())))
    forget(out)
    out.mkdir()
    with row.fault():
        row.count(command[0])
        with disks.filled(disk, left):
            line = refused(elsewhere(command, out), capfd)
        assert "cannot write: No space left on device" in line
        assert str(out) in line
        assert "free some space" in line
        row.check(accepted=[p.name for p in out.rglob("*") if p.is_file()])
        assert main(elsewhere(command, out)) == 0
        made = contents(out)
        # They hold speeds and seconds, or hashes of files that do.
        told = [name for name in expected if re.search("curve|report|finished.json", name)]
        for name in told:
            assert made.pop(name)
            del expected[name]
        row.check(lost=[n for n in expected if made.get(n) != expected[n]])
        assert remains(disk) == []


@long
@pytest.mark.parametrize("verb", JOBS)
@pytest.mark.parametrize("share", [0, 0.9])
def test_a_job_on_a_full_disk(
    verb: str, share: float, undisturbed: Study, tmp_path: Path, table: Table,
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(undisturbed.root)
    with disks.disk(tmp_path / "disk", "3m") as disk:
        check_full(undisturbed.command(verb, *JOBS[verb]), disk, share, table, capfd)


@pytest.mark.parametrize("verb", ["train", "predict"])
def test_a_small_job_on_a_full_disk(
    verb: str, material: Material, tmp_path: Path, table: Table,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    with disks.disk(tmp_path / "disk", "1m") as disk:
        check_full(getattr(material, verb)(), disk, 0, table, capfd)


def test_a_read_only_results_folder(
    material: Material, tmp_path: Path, table: Table, capfd: pytest.CaptureFixture[str]
) -> None:
    row = table.row("read-only results, one job")
    with disks.disk(tmp_path / "disk", "1m") as disk:
        out = disk / "out"
        out.mkdir()
        disks.mount("-o", "remount,ro", str(disk))
        for verb in ("index", "shard_cell", "train", "predict", "score"):
            with row.fault():
                line = refused(elsewhere(getattr(material, verb)(), out), capfd)
                assert "Read-only file system" in line
                assert str(out) in line
                assert "choose another results folder" in line
        disks.mount("-o", "remount,rw", str(disk))
        assert main(elsewhere(material.score(), out)) == 0


@long
def test_a_study_on_a_disk_that_fills_up(fresh: Study, undisturbed: Study, table: Table) -> None:
    row = table.row("disk full, a whole study")
    with disks.disk(fresh.root / "results", "600k") as disk:
        for size in ("600k", "900k", "1300k", "1800k"):
            disks.mount("-o", f"remount,size={size}", str(disk))
            with row.fault():
                said = fresh.run("--keep-going", "--rerun-incomplete", ok=False)
                assert "No space left on device" in said + logs(fresh)
        disks.mount("-o", "remount,size=100m", str(disk))
        fresh.run("--rerun-incomplete")
        row.check(lost=differing(fresh.results(), undisturbed.results()))
        assert remains(fresh.folder) == []


@long
def test_a_study_on_a_read_only_disk(finished: Study, undisturbed: Study, table: Table) -> None:
    row = table.row("read-only results, a whole study")
    held = finished.root / "held"
    (finished.root / "results").rename(held)
    with disks.disk(finished.root / "results", "100m") as disk:
        shutil.copytree(held, disk, dirs_exist_ok=True, copy_function=shutil.copy2)
        target = next((finished.folder / "tables").glob("main.csv")).relative_to(finished.root)
        disks.mount("-o", "remount,ro", str(disk))
        with row.fault():
            said = finished.run("--force", str(target), ok=False)
            assert "Write-protected output files" in said
            assert target.name in said
            row.check(lost=differing(finished.results(), undisturbed.results()))
        disks.mount("-o", "remount,rw", str(disk))
        finished.run("--rerun-incomplete")
        row.check(lost=differing(finished.results(), undisturbed.results()))


def logs(study: Study) -> str:
    """All that jobs wrote."""
    return "\n".join(p.read_text(errors="replace") for p in study.folder.rglob("*.log"))
