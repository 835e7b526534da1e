"""A real Slurm cluster on this machine: its daemons and four nodes, all below one folder.

Nodes are slurmd processes on ports of their own that claim 8 CPUs and 16 GB each; GPUs are
character devices that stand for some. Nothing outside the folder is written, and every wait has a
limit.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from .accounting import ACCOUNT, database_command, database_up, grant, write_accounting
from .processes import descendants, free_ports, open_files, processes
from .settings import host_name, write_settings

DAEMONS = ("munged", "mariadbd", "slurmdbd", "slurmctld", "slurmd")
CLIENTS = ("sbatch", "squeue", "scontrol", "scancel", "sinfo", "srun", "sacct", "sacctmgr")
PACKAGES = "slurmctld slurmd slurmdbd slurm-client munge mariadb-server"
NODES = ("cpu1", "cpu2", "gpu1", "gpu2")
READY = {"idle", "mixed", "allocated", "completing"}


def find(program: str) -> str | None:
    """The path of a daemon or client; daemons lie where a user's PATH does not lead."""
    return shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


def lacking() -> str:
    """Why no cluster can be started on this machine, in one line; "" if one can."""
    absent = [program for program in (*DAEMONS, *CLIENTS) if find(program) is None]
    if absent:
        return f"no Slurm: {' '.join(absent)} absent (Debian: apt-get install {PACKAGES})"
    if os.getuid() != 0:
        return "no Slurm cluster: only root may start one"
    return ""


def wait_until(
    condition: Callable[[], object], seconds: float, what: str, every: float = 0.1
) -> None:
    """Wait until `condition` holds, at most `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"after {seconds:g} s: not {what}")
        time.sleep(every)


@dataclass
class Cluster:
    """A cluster below `folder`, between `start` and `stop`."""

    folder: Path
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process needs to use the cluster."""
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}:/usr/sbin"
        return {**os.environ, "PATH": path, "SLURM_CONF": str(self.folder / "slurm.conf")}

    def start(self) -> None:
        """Bring all daemons up, and wait until the nodes take jobs."""
        database_port, *ports = free_ports(3 + len(NODES))
        write_settings(self.folder, NODES, ports)
        write_accounting(self.folder, host_name(), ports[1], database_port)
        # The jobstep plugin takes SLURM_CONF from its inner srun, which then would look in /etc.
        srun = self.folder / "bin" / "srun"
        srun.parent.mkdir()
        srun.write_text(
            f'#!/bin/sh\nSLURM_CONF={self.folder / "slurm.conf"} exec {find("srun")} "$@"\n'
        )
        srun.chmod(0o755)
        munge = ("munged", "--foreground", "--force", f"--socket={self.folder / 'munge.socket'}")
        files = {"key": "munge.key", "pid": "munged.pid", "log": "munged.log", "seed": "munge.seed"}
        self._run("munged", *munge, *(f"--{k}-file={self.folder / v}" for k, v in files.items()))
        wait_until((self.folder / "munge.socket").exists, 10, "munged up")
        self._start_accounting(database_port)
        self.start_controller()
        for node in NODES:
            self.start_node(node)
        wait_until(self.ready, 120, "all nodes ready")

    def _start_accounting(self, database_port: int) -> None:
        self._run("mariadbd", *database_command(self.folder, database_port))
        wait_until(lambda: database_up(self.folder), 60, "database up")
        grant(self.folder)
        self._run("slurmdbd", "slurmdbd", "-D")
        # The cluster has to be known before slurmctld starts, or its first jobs are not recorded.
        wait_until(lambda: self._add("cluster", "test"), 60, "slurmdbd up")
        self._add("account", ACCOUNT, "Cluster=test")
        self._add("user", "root", f"Account={ACCOUNT}", f"DefaultAccount={ACCOUNT}")

    def _add(self, *what: str) -> str:
        return self.ask("sacctmgr", "--immediate", "add", *what)

    def start_controller(self) -> None:
        self._run("slurmctld", "slurmctld", "-D")
        wait_until(lambda: "UP" in self.ask("scontrol", "ping"), 30, "slurmctld up")

    def stop_controller(self) -> None:
        """End slurmctld as its service does; it keeps the state of all jobs."""
        self._end("slurmctld")

    def start_node(self, node: str) -> None:
        self._run(node, "slurmd", "-D", "-N", node)

    def kill_node(self, node: str) -> None:
        """Power a node off: its slurmd and every process of its jobs are gone at once."""
        log = str(self.folder / f"{node}.log")
        daemon = self.daemons.pop(node)
        doomed = [daemon.pid]
        for process in processes("slurmstepd"):
            # A slurmstepd keeps its node's log open: that tells whose it is.
            if log in open_files(process):
                doomed += [*descendants(process), process]
        for pid in doomed:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        daemon.wait(10)

    def ready(self) -> bool:
        states = self.ask("sinfo", "-h", "-N", "-o", "%N %T")
        pairs = [line.split() for line in states.splitlines()]
        return {name for name, state in pairs if state in READY} == set(NODES)

    def ask(self, *command: str) -> str:
        """The output of a Slurm command, "" if it failed: the controller may be down."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=30, check=False
        )
        return done.stdout if done.returncode == 0 else ""

    def jobs(self, *states: str) -> dict[str, str]:
        """Job id -> the rule it runs, of the jobs in these states (all known ones without)."""
        chosen = ",".join(states) or "all"
        lines = self.ask("squeue", "-h", "-t", chosen, "-o", "%A %k").splitlines()
        pairs = (line.split(maxsplit=1) for line in lines)
        return {pair[0]: pair[1].split("_wildcards_")[0].removeprefix("rule_") for pair in pairs}

    def describe(self, job: str) -> dict[str, str]:
        """What Slurm knows of a job: NodeList, TimeLimit, Restarts, TRES and so on."""
        text = self.ask("scontrol", "show", "job", "-d", job)
        return dict(word.split("=", 1) for word in text.split() if "=" in word)

    def clear(self) -> None:
        """Cancel all jobs and bring back what a test took down."""
        if self.daemons.get("slurmctld") is None:
            self.start_controller()
        self.ask("scancel", "--user=root")
        for node in NODES:
            if node not in self.daemons:
                self.start_node(node)
            self.ask("scontrol", "update", f"nodename={node}", "state=resume")
        wait_until(lambda: not self.jobs("PD", "R", "CG"), 300, "without jobs")
        wait_until(self.ready, 120, "all nodes ready")

    def stop(self) -> None:
        """Take everything down; never fails, so that a test's own failure is seen."""
        with suppress(Exception):
            self.ask("scancel", "--user=root")
            wait_until(lambda: not self.jobs("PD", "R", "CG"), 20, "without jobs")
        for name in reversed(list(self.daemons)):
            self._end(name)

    def _run(self, name: str, program: str, *arguments: str) -> None:
        with open(self.folder / f"{name}.out", "ab") as out:
            self.daemons[name] = subprocess.Popen(
                # With this process they end too, whatever ends it.
                ["setpriv", "--pdeathsig", "TERM", find(program) or program, *arguments],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def _end(self, name: str) -> None:
        daemon = self.daemons.pop(name)
        daemon.terminate()
        try:
            daemon.wait(15)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait(15)
