"""The cost of pending jobs, from records of finished ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from continual_vqa.errors import UserError
from continual_vqa.plan.dry_run import PendingJob
from continual_vqa.plan.estimate import estimate, kind_of, measure, results_of, task_of, totals

HEAD = "s\th:m:s\tmax_rss\n"


def record(root: Path, name: str, seconds: float) -> None:
    path = root / "benchmarks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEAD}{seconds}\t0:00:01\t12.0\n")


def job(name: str, *outputs: str, threads: int = 1) -> PendingJob:
    return PendingJob(
        name.split("/")[0],
        (),
        tuple(f"results/new/{output}" for output in outputs),
        "Missing output files",
        f"results/new/benchmarks/{name}",
        threads,
    )


@pytest.fixture
def old(tmp_path: Path) -> Path:
    root = tmp_path / "results" / "old"
    for seed, seconds in enumerate((10, 14, 90)):
        record(root, f"train/seed-{seed}/01-color-0123abcd.tsv", seconds)
    record(root, "train/seed-0/02-count-89abcdef.tsv", 30)
    record(root, "predict/seed-0/01-color-0123abcd-c47b.tsv", 2)
    record(root, "index.tsv", 5)
    for number, size in enumerate((100, 300)):
        model = root / f"stages/seed-{number}/01-color-0123abcd/model.safetensors"
        model.parent.mkdir(parents=True)
        model.write_bytes(b"x" * size)
        second = root / f"scratch/seed-{number}/model.safetensors"
        second.parent.mkdir(parents=True)
        second.hardlink_to(model)
    cell = root / "cells/train/color/G1"
    cell.mkdir(parents=True)
    (cell / "index.parquet").write_bytes(b"x" * 10)
    (cell / "train-color-G1-00000.tar").write_bytes(b"x" * 500)
    return root


def test_names_tell_kinds_and_tasks() -> None:
    assert kind_of("results/a/benchmarks/train/seed-0/01-color-0123abcd.tsv") == "train"
    assert kind_of("results/benchmarks/benchmarks/index.tsv") == "index"
    assert task_of("train/seed-0/01-color-0123abcd.tsv") == "color"
    assert task_of("predict/seed-2/12-color~2-0123abcd-c47b.tsv") == "color~2"
    assert task_of("merge/seed-0/03-count-ties-0123abcd.tsv") == "count-ties"
    assert task_of("shard/train/color/G1.tsv") == ""


def test_a_job_costs_what_those_of_its_task_did(old: Path) -> None:
    jobs = [
        job("train/seed-7/04-color-aaaaaaaa.tsv", "stages/x/model.safetensors", threads=2),
        job("train/seed-7/01-count-bbbbbbbb.tsv", "stages/y/model.safetensors"),
        job("train/seed-7/02-judge-cccccccc.tsv"),  # no record of the task: of all four
        job("shard/train/color/G1.tsv", "cells/train/color/G1/index.parquet"),
        PendingJob("figure", (), ("results/new/figures/x.pdf",), "Missing output files"),
    ]
    assert results_of(jobs) == Path("results/new")
    rows = {row.kind: row for row in estimate(jobs, measure([old]))}
    train = rows["train"]
    assert (train.jobs, train.unknown) == (3, 0)
    assert train.core_seconds == 2 * 14 + 30 + (14 + 30) / 2
    assert train.bytes == 2 * 200
    assert (rows["shard"].unknown, rows["shard"].bytes) == (1, 510)
    assert rows["figure"].core_seconds == 0
    whole = totals(rows.values())
    assert (whole["jobs"], whole["unknown"]) == (5, 1)
    assert next(iter(rows)) == "train"


def test_records_of_several_studies_count_together(old: Path, tmp_path: Path) -> None:
    other = tmp_path / "results" / "other"
    record(other, "index.tsv", 7)
    assert measure([old, other]).records == 7
    (row,) = estimate([job("index.tsv")], measure([old, other]))
    assert row.core_seconds == 6


def test_what_is_no_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected the results of a study"):
        measure([tmp_path / "none"])
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "index.tsv").write_text("seconds\n3\n")
    with pytest.raises(UserError, match=r"index\.tsv.*no cost record"):
        measure([tmp_path])


def test_nothing_pending_costs_nothing(old: Path) -> None:
    assert estimate([], measure([old])) == []
    assert results_of([]) is None
