"""Reads what `snakemake --dry-run` prints: the pending jobs, and the reason for each."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from continual_vqa.errors import UserError

# The jobs of a group are indented.
_JOB = re.compile(r"^ *(?:local)?(?:rule|checkpoint) (\w+):$")
_KEY = re.compile(r"^(?:    ){1,2}(\w+): (.*)$")
_PARAMS = re.compile(r"Params have changed since last execution: .*?before: (.*) now: (.*?)\s*$")


@dataclass(frozen=True, slots=True)
class PendingJob:
    """A job that would run: its rule, files, Snakemake's reason, its cost record and threads."""

    rule: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    reason: str
    benchmark: str = ""
    threads: int = 1


def pending_jobs(
    configfiles: Sequence[str], config: Sequence[str] = (), targets: Sequence[str] = ()
) -> list[PendingJob]:
    """The jobs with outputs that `snakemake` would run here with these options, in its order.

    Raises
    ------
    UserError : what Snakemake says, where it cannot plan
    """
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--nocolor", *targets]
    command += ["--configfile", *configfiles] if configfiles else []
    command += ["--config", *config] if config else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise UserError("\n".join(["snakemake could not plan:", *lines[-40:]]))
    return [job for job in parse_dry_run(done.stdout + done.stderr) if job.outputs]


def parse_dry_run(text: str) -> list[PendingJob]:
    """The pending jobs in the order in which Snakemake lists them."""
    jobs: list[PendingJob] = []
    rule, keys = "", {}
    for line in [*text.splitlines(), "rule end:"]:
        if started := _JOB.match(line):
            if keys.get("reason"):
                jobs.append(
                    PendingJob(
                        rule,
                        tuple(filter(None, keys.get("input", "").split(", "))),
                        tuple(filter(None, keys.get("output", "").split(", "))),
                        keys["reason"],
                        keys.get("benchmark", ""),
                        int(keys.get("threads", "1")),
                    )
                )
            rule, keys = started[1], {}
        elif found := _KEY.match(line):
            keys.setdefault(found[1], found[2].strip())
    return jobs


def changed_params(reason: str) -> tuple[list[object], list[object]] | None:
    """The parameter values that only the last run had, and those that only this one has.

    Returns None when the reason is not a change of parameters.
    """
    found = _PARAMS.search(reason)
    if found is None:
        return None
    before, now = (_values(part) for part in found.groups())
    return before, now


def _values(text: str) -> list[object]:
    text = text.strip()
    if text in ("", "<nothing exclusive>"):
        return []
    # Snakemake prints the repr of each value, joined by commas: a Python tuple.
    try:
        return list(ast.literal_eval(f"({text},)"))
    except (ValueError, SyntaxError):
        return [text]
