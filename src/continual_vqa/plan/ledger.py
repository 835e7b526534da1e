"""Notes which module hashes stand behind a fingerprint, to tell a change in words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from continual_vqa.files.atomic import write_text
from continual_vqa.files.hashing import short
from continual_vqa.plan.fingerprint import fingerprint, modules

CODE = "code-"
# Beside Snakemake's own records of the last run, which the notes explain.
NOTES = ".snakemake/plan"


def remember_code(folder: str | Path, *entries: str) -> str:
    """ "code-<fingerprint>" of `entries`; its modules are noted in `folder`/<that>.json."""
    name = f"{CODE}{fingerprint(*entries)}"
    path = Path(folder) / f"{name}.json"
    if not path.exists():
        write_text(path, json.dumps(modules(*entries), indent=1, sort_keys=True))
    return name


def remember_runs(
    folder: str | Path, identity: Mapping[str, object], runs: Sequence[Mapping[str, object]]
) -> str:
    """Write the list of scored runs; returns its path."""
    return remember(folder, "runs", {"identity": identity, "runs": runs})


def remember(folder: str | Path, name: str, content: Mapping[str, object]) -> str:
    """Write what a job reads and a command line is too short for; the file is named by it."""
    text = json.dumps(content, indent=1, sort_keys=True)
    path = Path(folder) / f"{name}-{short(text)}.json"
    if not path.exists():
        write_text(path, text)
    return str(path)


def changed_modules(folder: str | Path, before: str, now: str) -> list[str]:
    """The modules that differ between two noted names; empty when one was never noted."""
    paths = [Path(folder) / f"{name}.json" for name in (before, now)]
    if not all(path.exists() for path in paths):
        return []
    old, new = (json.loads(path.read_text()) for path in paths)
    return sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
