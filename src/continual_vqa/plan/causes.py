"""Why a job is pending, in words: which config value, code, or file changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from continual_vqa.plan.dry_run import PendingJob, changed_params
from continual_vqa.plan.ledger import CODE, changed_modules

CONTENT = "content-"


@dataclass(frozen=True, slots=True)
class Cause:
    """One pending job and what causes it; `root` is the rule where the change happened."""

    rule: str
    output: str
    words: str
    root: str


def explain(jobs: Sequence[PendingJob], ledger: str | Path) -> list[Cause]:
    """The cause of every pending job; jobs that only follow others are told by the first change.

    Parameters
    ----------
    jobs : as `parse_dry_run` gives them
    ledger : folder of the noted fingerprints
    """
    maker = {output: job for job in jobs for output in job.outputs}
    return [_cause(job, maker, ledger) for job in jobs]


def _cause(job: PendingJob, maker: dict[str, PendingJob], ledger: str | Path) -> Cause:
    own = list(_own_changes(job, ledger))
    origin = job
    seen = {id(job)}
    # Follow the chain of updated inputs back to the job that has a reason of its own.
    while not own:
        parent = next((maker[i] for i in origin.inputs if i in maker), None)
        if parent is None or id(parent) in seen:
            own = [origin.reason]
            break
        seen.add(id(parent))
        origin, own = parent, list(_own_changes(parent, ledger))
    words = "; ".join(own)
    if origin is not job:
        words = f"follows from {origin.rule}: {words}"
    return Cause(job.rule, job.outputs[0] if job.outputs else "", words, origin.rule)


def _own_changes(job: PendingJob, ledger: str | Path) -> Iterator[str]:
    """What changed for this very job, in words; nothing when it only follows another."""
    reason = job.reason
    if (params := changed_params(reason)) is not None:
        yield from _param_changes(*params, ledger)
    if reason.startswith("Missing output files"):
        yield "not made yet"
    if "Updated input files" in reason:
        yield f"changed since the last run: {reason.split('Updated input files:', 1)[1].strip()}"
    if "Code has changed" in reason:
        yield "the rule's command line was edited"
    if "Set of input files has changed" in reason:
        yield "it reads other files than before"
    if "Forced execution" in reason:
        yield "forced on the command line"
    if "incomplete" in reason.lower():
        yield "an earlier run of it was interrupted"


def _param_changes(before: list[object], now: list[object], ledger: str | Path) -> Iterator[str]:
    old_code, new_code = _with_prefix(before, CODE), _with_prefix(now, CODE)
    if new_code:
        names = changed_modules(ledger, old_code, new_code) if old_code else []
        short = [name.removeprefix("continual_vqa.") for name in names]
        yield f"code changed: {', '.join(short)}" if short else "code changed"
    if _with_prefix(now, CONTENT):
        yield "the questions or images it holds changed"
    old_settings, new_settings = _settings(before), _settings(now)
    if old_settings or new_settings:
        yield from _differences(old_settings, new_settings)
    known = {old_code, new_code}
    rest = [v for v in now if v not in known and not _is_settings(v) and not _is_content(v)]
    if rest:
        yield f"option changed to {', '.join(map(str, rest))}"
    elif not now and before:
        yield "an option was removed"


def _differences(old: dict[str, object], new: dict[str, object]) -> Iterator[str]:
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            was, is_now = (json.dumps(side.get(key, "unset")) for side in (old, new))
            yield f"config: {key} was {was}, is {is_now}"


def _settings(values: list[object]) -> dict[str, object]:
    flat: dict[str, object] = {}
    for value in values:
        if _is_settings(value):
            _flatten(json.loads(str(value)), "", flat)
    return flat


def _flatten(value: object, path: str, flat: dict[str, object]) -> None:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            _flatten(inner, f"{path}.{key}".lstrip("."), flat)
    else:
        flat[path] = value


def _is_settings(value: object) -> bool:
    return isinstance(value, str) and value.startswith("{")


def _is_content(value: object) -> bool:
    return isinstance(value, str) and value.startswith(CONTENT)


def _with_prefix(values: list[object], prefix: str) -> str:
    return next((v for v in values if isinstance(v, str) and v.startswith(prefix)), "")
