"""Reads what `snakemake --dry-run` prints: the pending jobs, and the reason for each."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

# The jobs of a group are indented.
_JOB = re.compile(r"^ *(?:local)?(?:rule|checkpoint) (\w+):$")
_KEY = re.compile(r"^(?:    ){1,2}(\w+): (.*)$")
_PARAMS = re.compile(r"Params have changed since last execution: .*?before: (.*) now: (.*?)\s*$")


@dataclass(frozen=True, slots=True)
class PendingJob:
    """A job that would run: its rule, files, and Snakemake's reason."""

    rule: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    reason: str


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
