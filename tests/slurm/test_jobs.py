"""What the profile makes of a job: where it runs, its GPUs, and what happens when it fails."""

from __future__ import annotations

import pytest

from .accounting import ACCOUNT
from .conftest import Desk, long

pytestmark = pytest.mark.timeout(1200)

WHERE = """
rule all:
    default_target: True
    input:
        "train.txt",
        "score.txt",


rule train:
    output:
        "train.txt",
    resources:
        mem_mb=1000,
        runtime=5,
        gpu=0,
    shell:
        "echo $SLURM_JOB_PARTITION ${{CUDA_VISIBLE_DEVICES-none}} > {output}"


use rule train as score with:
    output:
        "score.txt",
"""


RULE = '''
rule train:
    output:
        "done.txt",
    resources:
        {resources},
    shell:
        """{shell}"""
'''


def write_rule(desk: Desk, resources: str, shell: str) -> None:
    """One rule, which makes done.txt."""
    (desk.root / "Snakefile").write_text(RULE.format(resources=resources, shell=shell))


@pytest.mark.parametrize(("form", "count"), [("gpus", 1), ("gres", 2)])
def test_gpu_stages_see_their_gpus_and_the_others_none(desk: Desk, form: str, count: int) -> None:
    (desk.root / "Snakefile").write_text(WHERE)
    desk.site(gpu_request=form, gpus=count, gpu_model="h200")
    desk.start().finish(400)
    jobs = (int(job) for job, rule in desk.cluster.jobs().items() if rule == "train")
    requests = desk.cluster.describe(str(max(jobs)))
    partition, devices = (desk.root / "train.txt").read_text().split()
    assert partition == "gpu"
    assert len(devices.split(",")) == count
    assert requests["NodeList"].startswith("gpu")
    assert requests["JOB_GRES"] == f"gpu:h200:{count}"
    assert (desk.root / "score.txt").read_text().split() == ["cpu", "none"]


def test_a_job_without_enough_memory_is_given_more(desk: Desk) -> None:
    # Two Snakemakes and Python need about 400 MB beside the 500.
    write_rule(
        desk,
        "mem_mb=lambda wildcards, attempt: 500 * 2 ** (attempt - 1), runtime=5",
        "python -c 'import time; b = bytearray(500 << 20); time.sleep(5)'; touch {output}",
    )
    before = set(desk.cluster.jobs())
    said = desk.start().finish(600)
    assert "Trying to restart" in said
    jobs = sorted({*desk.cluster.jobs()} - before, key=int)
    found = [desk.cluster.describe(job) for job in jobs]
    assert [job["MinMemoryNode"] for job in found][:2] == ["500M", "1000M"]
    assert found[0]["JobState"] in ("OUT_OF_MEMORY", "FAILED")
    assert found[-1]["JobState"] == "COMPLETED"


def test_a_cancelled_job_runs_again(desk: Desk) -> None:
    # The first life waits to be cancelled.
    write_rule(
        desk,
        "mem_mb=1000, runtime=5",
        "echo x >> attempts; test $(wc -l < attempts) -gt 1 || sleep 300; touch {output}",
    )
    run = desk.start()
    desk.cluster.ask("scancel", run.wait_job("train", file="attempts"))
    assert "CANCELLED" in run.finish(400)
    assert (desk.root / "done.txt").exists()


def test_three_failures_are_the_end(desk: Desk) -> None:
    write_rule(desk, "mem_mb=1000, runtime=5", "echo x >> attempts; exit 3")
    run = desk.start()
    run.finish(500, ok=False)
    assert len((desk.root / "attempts").read_text().split()) == 3


@long
@pytest.mark.parametrize(("minutes", "notice", "state"), [(2, 30, "FAILED"), (1, 0, "TIMEOUT")])
def test_a_job_past_its_limit_is_told_before_and_given_longer(
    desk: Desk, minutes: int, notice: int, state: str
) -> None:
    desk.site(notice=notice, max_runtime=2 * minutes, requests={"train": {"runtime": minutes}})
    # Only the second life is short enough.
    write_rule(
        desk,
        "mem_mb=1000, runtime=60",
        "echo x >> attempts; test $(wc -l < attempts) -gt 1 || sleep 300; touch {output}",
    )
    before = set(desk.cluster.jobs())
    run = desk.start()
    run.finish(700)
    found = [desk.cluster.describe(job) for job in sorted({*desk.cluster.jobs()} - before, key=int)]
    assert [(job["TimeLimit"], job["JobState"]) for job in found] == [
        (f"00:0{minutes}:00", state),
        (f"00:0{2 * minutes}:00", "COMPLETED"),
    ]


@long
def test_jobs_are_charged_to_the_account(desk: Desk) -> None:
    desk.site(account=ACCOUNT)
    write_rule(desk, "mem_mb=1000, runtime=5", "touch {output}")
    desk.start().finish(400)
    job = max(map(int, desk.cluster.jobs()))
    assert desk.cluster.describe(str(job))["Account"] == ACCOUNT
    assert "No SLURM account given" not in desk.said()


def test_a_mistake_in_the_site_stops_before_anything_starts(desk: Desk) -> None:
    desk.site(gpu_partion="gpu")
    write_rule(desk, "mem_mb=1000, runtime=5", "touch {output}")
    said = desk.start().finish(300, ok=False)
    assert "gpu_partion: unknown key; did you mean gpu_partition?" in said
    assert "Traceback" not in said
    assert not (desk.root / ".snakemake").exists()
