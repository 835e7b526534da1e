"""Notes which module hashes stand behind a fingerprint, to tell a change in words."""

from __future__ import annotations

import json
from pathlib import Path

from continual_vqa.files.atomic import write_text
from continual_vqa.plan.fingerprint import fingerprint, modules


def remember(folder: str | Path, *entries: str) -> str:
    """The fingerprint of `entries`; its modules are noted in `folder`/<fingerprint>.json."""
    digest = fingerprint(*entries)
    path = Path(folder) / f"{digest}.json"
    if not path.exists():
        write_text(path, json.dumps(modules(*entries), indent=1, sort_keys=True))
    return digest


def changed_modules(folder: str | Path, before: str, now: str) -> list[str]:
    """The modules that differ between two fingerprints; empty when `before` was never noted."""
    paths = [Path(folder) / f"{digest}.json" for digest in (before, now)]
    if not all(path.exists() for path in paths):
        return []
    old, new = (json.loads(path.read_text()) for path in paths)
    return sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
