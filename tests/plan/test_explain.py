"""Snakemake's reasons become words."""

from __future__ import annotations

from pathlib import Path

from continual_vqa.plan.causes import explain
from continual_vqa.plan.dry_run import PendingJob, changed_params, parse_dry_run

DRY_RUN = """\
Building DAG of jobs...
Job stats:
job      count
-----  -------
train        1

[Sat Nov 21 09:42:27 2026]
rule train:
    input: cells/a/index.parquet, base/model.safetensors
    output: stages/s/model.safetensors, stages/s/curve.parquet
    jobid: 5
    reason: Params have changed since last execution: Union of exclusive params before and now \
across all output: before: '{"training": {"lr": 0.1}}' now: '{"training": {"lr": 0.2}}' 
    wildcards: stage=s
    resources: tmpdir=/tmp
[Sat Nov 21 09:42:27 2026]
rule predict:
    input: stages/s/model.safetensors
    output: predictions/s.parquet
    jobid: 1
    reason: Input files updated by another job: stages/s/model.safetensors
    resources: tmpdir=/tmp
Reasons:
    (check individual jobs above for details)
"""


def job(rule: str, reason: str, inputs: tuple[str, ...] = ()) -> PendingJob:
    return PendingJob(rule, inputs, (f"{rule}.out",), reason)


def words(reason: str, ledger: Path) -> str:
    return explain([job("train", reason)], ledger)[0].words


PARAMS = "Params have changed since last execution: Union across all output: before: {} now: {}"


def test_reads_a_dry_run() -> None:
    jobs = parse_dry_run(DRY_RUN)
    assert [j.rule for j in jobs] == ["train", "predict"]
    assert jobs[0].outputs == ("stages/s/model.safetensors", "stages/s/curve.parquet")
    assert changed_params(jobs[0].reason) == (
        ['{"training": {"lr": 0.1}}'],
        ['{"training": {"lr": 0.2}}'],
    )


def test_a_follower_is_told_by_the_change_it_follows(tmp_path: Path) -> None:
    first, second = explain(parse_dry_run(DRY_RUN), tmp_path)
    assert first.words == "config: training.lr was 0.1, is 0.2"
    assert second.words == "follows from train: config: training.lr was 0.1, is 0.2"
    assert second.root == "train"


def test_a_code_change_names_the_modules(tmp_path: Path) -> None:
    (tmp_path / "code-a.json").write_text('{"continual_vqa.x": "1", "continual_vqa.y": "1"}')
    (tmp_path / "code-b.json").write_text('{"continual_vqa.x": "1", "continual_vqa.y": "2"}')
    assert words(PARAMS.format("'code-a'", "'code-b'"), tmp_path) == "code changed: y"
    assert words(PARAMS.format("'code-0'", "'code-b'"), tmp_path) == "code changed"


def test_other_reasons(tmp_path: Path) -> None:
    assert words(PARAMS.format("'content-1'", "'content-2'"), tmp_path) == (
        "the questions or images it holds changed"
    )
    assert words("Missing output files: a.out", tmp_path) == "not made yet"
    assert "annotations.json" in words("Updated input files: annotations.json", tmp_path)
    assert words("Forced execution", tmp_path) == "forced on the command line"


def test_an_unknown_reason_is_passed_on(tmp_path: Path) -> None:
    assert words("Something new", tmp_path) == "Something new"
