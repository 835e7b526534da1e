"""What breaks under a run: nodes, the controller, the process that submits."""

from __future__ import annotations

import re
import signal
import time

import pytest

from .cluster import wait_until
from .conftest import Desk, long
from .test_jobs import write_rule

pytestmark = [pytest.mark.timeout(1200), long]

SLOW = "echo $SLURMD_NODENAME >> attempts; test -e go || sleep 300; touch {output}"


def test_a_job_of_a_dead_node_goes_to_another(desk: Desk) -> None:
    write_rule(desk, "mem_mb=1000, runtime=10", SLOW)
    run = desk.start()
    job = run.wait_job("train", file="attempts")
    node = desk.cluster.describe(job)["NodeList"]
    desk.cluster.kill_node(node)
    (desk.root / "go").touch()
    run.finish(600)
    nodes = (desk.root / "attempts").read_text().split()
    assert nodes[0] == node
    assert nodes[-1] != node
    # Slurm put the same job back; Snakemake did not have to submit another.
    assert desk.cluster.describe(job)["Restarts"] == "1"


def test_a_run_outlives_a_restart_of_the_controller(desk: Desk) -> None:
    write_rule(desk, "mem_mb=1000, runtime=10", SLOW.replace("sleep 300", "sleep 25"))
    run = desk.start()
    run.wait_job("train", file="attempts")
    desk.cluster.stop_controller()
    time.sleep(12)
    desk.cluster.start_controller()
    run.finish(500)
    assert len((desk.root / "attempts").read_text().split()) == 1


def test_after_a_crash_of_snakemake_its_jobs_are_found_by_their_name(desk: Desk) -> None:
    write_rule(desk, "mem_mb=1000, runtime=10", SLOW)
    run = desk.start()
    run.wait_job("train", file="attempts")
    run.kill()
    (name,) = re.findall(r"SLURM run ID: (\S+)", desk.said())
    assert desk.cluster.jobs("R")
    desk.cluster.ask("scancel", "--name", name)
    wait_until(lambda: not desk.cluster.jobs("R", "CG"), 300, "cancelled")
    (desk.root / "go").touch()
    desk.start("--unlock").finish(300)
    desk.start().finish(500)
    assert (desk.root / "done.txt").exists()
    assert len((desk.root / "attempts").read_text().split()) == 2


def test_ctrl_c_cancels_the_jobs(desk: Desk) -> None:
    write_rule(desk, "mem_mb=1000, runtime=10", SLOW)
    run = desk.start()
    job = run.wait_job("train", file="attempts")
    run.process.send_signal(signal.SIGINT)
    run.finish(400, ok=False)
    wait_until(lambda: desk.cluster.describe(job)["JobState"] == "CANCELLED", 300, "cancelled")
