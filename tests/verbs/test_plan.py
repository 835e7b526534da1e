"""The verb plan as a person calls it: beside a Snakemake at work, and with wrong options."""

from __future__ import annotations

from pathlib import Path

import pytest

from continual_vqa.cli import main
from continual_vqa.plan import dry_run
from continual_vqa.plan.dry_run import PendingJob
from continual_vqa.verbs import plan

LOCK = Path(".snakemake/locks/0.input.lock")


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Where the records of two pending jobs will lie; Snakemake is at work in this folder."""
    monkeypatch.chdir(tmp_path)
    LOCK.parent.mkdir(parents=True)
    LOCK.touch()
    names = [f"results/s/benchmarks/train/{n}.tsv" for n in range(2)]
    jobs = [PendingJob("train", (), (f"results/s/{n}",), "Missing", n) for n in names]
    monkeypatch.setattr(dry_run, "pending_jobs", lambda *_: jobs)
    return [tmp_path / name for name in names]


def test_watching_tells_what_is_left_until_nothing_is(
    records: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = iter(records)

    def end_one(seconds: float) -> None:
        assert seconds == 7
        record = next(waiting)
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text("s\n4\n")

    monkeypatch.setattr(plan.time, "sleep", end_one)
    assert main(["plan", "--watch", "7"]) == 0
    out, err = capsys.readouterr()
    said = err.splitlines()
    assert [line.split(",")[0] for line in said] == ["0/2 jobs (0 %)", "1/2 jobs (50 %)"]
    assert said[0].endswith("unknown time left") and said[1].endswith(" left")
    assert "nothing is pending" in out


def test_watching_ends_with_snakemake(
    records: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(plan.time, "sleep", lambda _: LOCK.unlink())
    assert main(["plan", "--watch", "1"]) == 0
    out, err = capsys.readouterr()
    assert "Snakemake does not run in this folder" in err and "2 jobs" in out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--cores", "0"], "--cores: is 0"),
        (["--watch", "0"], "--watch: is 0"),
        (["--measured", "x"], "expected --estimate or --watch too"),
    ],
)
def test_options_that_are_wrong_are_named(
    options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", *options]) == 2
    assert words in capsys.readouterr().err
