"""What would be sent to Slurm, and what its answers mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from continual_vqa.config.resources import Needs, ResourcesConfig, SharedNeeds
from continual_vqa.config.site import Site
from continual_vqa.errors import UserError
from continual_vqa.preflight.slurm import (
    TEST,
    Answer,
    check_controller,
    check_requests,
    check_shared_folder,
    sbatch_line,
)

SITE = Site(cpu_partition="cpu", gpu_partition="gpu", gpu_stages=("train",), gpu_model="h200")
RULES = ["score", "shard", "base", "train", "predict"]


def test_a_request_says_what_the_job_and_the_site_ask_for() -> None:
    line = " ".join(sbatch_line(SITE, "train", Needs(threads=3, mem_mb=500, runtime=7)))
    assert "--cpus-per-task=3 --mem=500 --time=7 --partition=gpu --gpus=h200:1" in line
    line = " ".join(sbatch_line(SITE, "score", Needs()))
    assert "--partition=cpu" in line and "gpu" not in line and "account" not in line
    other = SITE.model_copy(update={"gpu_request": "gres", "account": "lab", "gpus": 2})
    line = " ".join(sbatch_line(other, "train", Needs()))
    assert "--gres=gpu:h200:2" in line and "--account=lab" in line and "--gpus" not in line
    own = Site.model_validate({"requests": {"train": {"runtime": 99, "mem_mb": 700}}})
    line = " ".join(sbatch_line(own, "train", Needs(gpu=1)))
    assert "--mem=700 --time=99" in line and "--gpus=1" in line and "partition" not in line


def test_a_request_for_processes_and_nodes() -> None:
    site = SITE.model_copy(update={"gpus": 4, "nodes": 2})
    needs = SharedNeeds(threads=3, processes=4)
    line = " ".join(sbatch_line(site, "train", needs))
    assert "--ntasks=2 --cpus-per-task=12 --nodes=2" in line
    assert "--gpus-per-node=h200:4" in line and "--gpus=" not in line
    assert "--ntasks=1 --cpus-per-task=12" in " ".join(sbatch_line(site, "predict", needs))
    assert "--ntasks=1 --cpus-per-task=3" in " ".join(sbatch_line(site, "probe", needs))


def test_requests_are_tested_and_told_apart() -> None:
    sent: list[Sequence[str]] = []

    def slurm(command: Sequence[str]) -> Answer:
        sent.append(command)
        refused = "--gpus=h200:1" in command
        text = "sbatch: error: x\nallocation failure: Invalid account or partition"
        return Answer(not refused, text if refused else "sbatch: Job 1 to start at ...")

    found = list(check_requests(SITE, ResourcesConfig(), RULES, slurm))
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
    found = list(
        check_requests(Site(), ResourcesConfig(), [*RULES, "probe"], lambda _: Answer(True, ""))
    )
    assert [finding.about for finding in found][-1] == "jobs: predict, probe"


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
