"""What would be sent to Slurm, and what its answers mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from continual_vqa.config.resources import Needs, ResourcesConfig, SharedNeeds, TrainNeeds
from continual_vqa.config.site import Site
from continual_vqa.errors import UserError
from continual_vqa.preflight.slurm import (
    TEST,
    Answer,
    check_controller,
    check_requests,
    check_shared_folder,
    needs_of,
    sbatch_line,
)

SITE = Site(cpu_partition="cpu", gpu_partition="gpu", gpu_stages=("train",), gpu_model="h200")
RULES = ["score", "shard", "base", "train", "predict"]


def test_a_request_says_what_the_job_and_the_site_ask_for() -> None:
    line = " ".join(sbatch_line(SITE, "train", Needs(threads=3, mem_mb=500, runtime=7, gpu=1)))
    assert "--cpus-per-task=3 --mem=500 --time=7 --partition=gpu --gpus=h200:1" in line
    line = " ".join(sbatch_line(SITE, "score", Needs()))
    assert "--partition=cpu" in line and "gpu" not in line and "account" not in line
    other = SITE.model_copy(update={"gpu_request": "gres", "account": "lab", "gpus": 2})
    line = " ".join(sbatch_line(other, "train", Needs(gpu=2)))
    assert "--gres=gpu:h200:2" in line and "--account=lab" in line and "--gpus" not in line
    line = " ".join(sbatch_line(Site(), "train", Needs(gpu=1)))
    assert "--gpus=1" in line and "partition" not in line


def test_the_site_replaces_the_studys_numbers() -> None:
    resources = ResourcesConfig()
    request = {"runtime": 99, "mem_mb": 700}
    site = Site.model_validate(
        {"requests": {"train": request}, "gpu_stages": ["train"], "gpus": 4, "max_runtime": 80}
    )
    assert needs_of(site, "train", resources) == Needs(mem_mb=700, runtime=80, gpu=4)
    assert needs_of(site, "score", resources) == resources.light
    assert needs_of(site, "figure_matrix", resources) == resources.light


def test_a_request_for_processes_and_nodes() -> None:
    site = SITE.model_copy(update={"gpus": 4, "nodes": 2})
    resources = ResourcesConfig(
        train=TrainNeeds(threads=3, processes=4), predict=SharedNeeds(threads=3, processes=4)
    )

    def line_of(rule: str) -> str:
        return " ".join(sbatch_line(site, rule, needs_of(site, rule, resources)))

    line = line_of("train")
    assert "--ntasks=2 --cpus-per-task=12 --nodes=2" in line
    assert "--gpus-per-node=h200:4" in line and "--gpus=" not in line
    assert "--ntasks=1 --cpus-per-task=12" in line_of("predict")
    assert "--ntasks=1 --cpus-per-task=3" in line_of("probe")


def test_requests_are_tested_and_told_apart() -> None:
    sent: list[Sequence[str]] = []

    def slurm(command: Sequence[str]) -> Answer:
        sent.append(command)
        refused = "--gpus=h200:1" in command
        text = "sbatch: error: x\nallocation failure: Invalid account or partition"
        return Answer(not refused, text if refused else "sbatch: Job 1 to start at ...")

    found = list(check_requests(SITE, ResourcesConfig(), RULES, {}, slurm))
    assert all(tuple(command[-2:]) == TEST for command in sent)
    levels = {finding.about: finding.level for finding in found}
    assert levels == {
        "jobs: score": "good",
        "jobs: shard": "good",
        "jobs: base": "good",
        "jobs: train": "bad",
        "jobs: predict": "good",
    }
    (bad,) = (finding for finding in found if finding.level == "bad")
    assert bad.what.endswith(": Invalid account or partition") and "site.yaml" in bad.do


def test_rules_with_the_same_request_are_one_line() -> None:
    groups = {"report": ("score", Needs(threads=8, mem_mb=8000, runtime=40))}
    found = list(
        check_requests(
            Site(), ResourcesConfig(), [*RULES, "probe"], groups, lambda _: Answer(True, "")
        )
    )
    assert [finding.about for finding in found][-2:] == [
        "jobs: predict, probe",
        "jobs: group report",
    ]
    assert "--cpus-per-task=8 --mem=8000 --time=40" in found[-1].what


@pytest.mark.parametrize(
    ("config", "level"), [(None, "bad"), ("MinJobAge = 60 sec\n", "bad"), ("X = 1\n", "good")]
)
def test_the_controller_answers_and_keeps_jobs(config: str | None, level: str) -> None:
    (found,) = check_controller(lambda command: config)
    assert found.level == level


def test_a_node_has_to_read_what_is_written_here(tmp_path: Path) -> None:
    def reads(command: Sequence[str]) -> Answer:
        return Answer(True, Path(command[-1]).read_text())

    results = tmp_path / "results"
    (found,) = check_shared_folder(results, SITE, reads)
    assert found.level == "good"
    (found,) = check_shared_folder(results, SITE, lambda _: Answer(False, "cat: No such file"))
    assert found.level == "bad" and "No such file" in found.what
    assert list(results.iterdir()) == []
    with pytest.raises(UserError, match="cannot write"):
        next(check_shared_folder(Path("/dev/null/results"), SITE, reads))
