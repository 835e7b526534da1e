"""The profile slurm, as far as it can be seen without a cluster; tests/slurm runs it on one."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from continual_vqa.plan.dry_run import PendingJob, parse_dry_run

from .conftest import Checkout, copy_repository

PROFILE = Path("profiles/slurm/config.yaml")


@pytest.fixture(scope="module")
def checkout_with_profile(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    root = tmp_path_factory.mktemp("profiled")
    copy_repository(repository, root)
    shutil.copytree(repository / "profiles", root / "profiles")
    shutil.copy(repository / "slurm", root / "slurm", follow_symlinks=False)
    return Checkout(root, root / "config" / "tiny.yaml")


@pytest.fixture(scope="module")
def planned(checkout_with_profile: Checkout) -> str:
    """What a dry run of the tiny study with the profile prints."""
    done = checkout_with_profile.snakemake("--profile", "slurm", "--dry-run")
    return done.stdout + done.stderr


def resources(printed: str, rule: str) -> list[str]:
    """The resources line of each job of `rule`."""
    found = rf"^ *rule {rule}:$(?:\n    .*)*?\n +resources: (.*)$"
    return re.findall(found, printed, re.MULTILINE)


def test_stages_with_a_gpu_and_the_others_go_to_their_partitions(planned: str) -> None:
    jobs: list[PendingJob] = [job for job in parse_dry_run(planned) if job.outputs]
    for rule, partition in {
        "train": "gpu",
        "predict": "gpu",
        "shard": "cpu",
        "score": "cpu",
    }.items():
        found = resources(planned, rule)
        assert len(found) == sum(job.rule == rule for job in jobs) > 0
        for line in found:
            assert f"slurm_partition={partition}," in line
            assert ("gpu=1" in line) == (partition == "gpu")


def test_training_alone_is_told_of_its_limit(planned: str) -> None:
    assert "slurm_extra=--signal=TERM@120" in resources(planned, "train")[0]
    assert "slurm_extra" not in resources(planned, "predict")[0]


def grouped(planned: str) -> dict[str, list[str]]:
    """Name of each group -> the rules of its jobs; a name that stands for several has a number."""
    found: dict[str, list[str]] = {}
    parts = re.split(r"^\[.*\] Group job (\S+) \(.*$", planned, flags=re.MULTILINE)
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        # The jobs of a group are indented.
        inside = re.split(r"^\S", text, flags=re.MULTILINE)[0]
        rules = re.findall(r"^    rule (\w+):$", inside, re.MULTILINE)
        found[f"{name}#{len(found)}" if name in found else name] = rules
    return found


def test_light_jobs_share_few_jobs_of_the_cluster(planned: str) -> None:
    groups = grouped(planned)
    assert {name.partition("#")[0] for name in groups} == {"data", "lists", "report"}
    assert set(groups["report"]) >= {"aggregate", "figure_matrix", "table_main", "gallery"}
    assert {rule for rules in groups.values() for rule in rules}.isdisjoint({"train", "predict"})


@pytest.mark.parametrize("study", ["benchmark", "transfer"])
def test_all_that_belongs_to_a_stage_can_be_one_job(
    checkout_with_profile: Checkout, study: str
) -> None:
    site = checkout_with_profile.root / "profiles" / "slurm" / "site.yaml"
    before = site.read_text()
    site.write_text(before.replace("grouping: light", "grouping: stage"))
    root = checkout_with_profile.root
    checkout = Checkout(root, root / "config" / f"{study}.yaml")
    # A group that waits for itself would be refused here.
    done = checkout.snakemake("--profile", "slurm", "--dry-run", "--config", "seeds=[0]")
    site.write_text(before)
    groups = grouped(done.stdout + done.stderr)
    stages = {name: rules for name, rules in groups.items() if name.startswith("stage-")}
    assert all(rules.count("train") == 1 for rules in stages.values())
    assert sum(rules.count("score") for rules in stages.values()) > len(stages) / 2


def test_a_site_that_says_nothing_leaves_all_to_slurm(checkout_with_profile: Checkout) -> None:
    site = checkout_with_profile.root / "profiles" / "slurm" / "site.yaml"
    site.write_text("notice: 0\n")
    done = checkout_with_profile.snakemake("--profile", "slurm", "--dry-run")
    assert resources(done.stdout + done.stderr, "train")
    assert "slurm_" not in done.stdout


def test_every_key_says_why(repository: Path) -> None:
    lines = (repository / PROFILE).read_text().splitlines()
    keys = [i for i, line in enumerate(lines) if re.match(r" *[a-z][a-z-]+:", line)]
    assert len(keys) > 10
    assert [lines[i] for i in keys if not lines[i - 1].lstrip().startswith("#")] == []
