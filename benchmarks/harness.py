"""Fair timing: fresh processes, shuffled order, medians; CPU seconds and peak memory beside wall.

A case is a command line (list of words) or a module-level function, with arguments by
`functools.partial` (JSON-able ones). A function's wall and CPU seconds are those of the call alone,
without starting Python, importing the function's module, and the libraries that it names with
`importing`; a command's are those of the process.

Run as a module this file is the child of `measure`; nothing else should start it.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

Case = Sequence[str] | Callable[..., object]

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Timing:
    """Medians over the repeats of one case."""

    wall: float  # seconds
    cpu: float  # seconds, user + system, children included
    rss: float  # MiB, peak resident memory of the largest process
    spread: float  # (slowest - fastest) / median wall
    repeats: int
    value: Any  # what the function returned last (JSON-able), or None for a command


def importing(*modules: str) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Import `modules` before the clock of this case starts: start-up is not what it measures."""

    def mark(function: Callable[..., object]) -> Callable[..., object]:
        function.imports = modules  # type: ignore[attr-defined]
        return function

    return mark


def measure(
    cases: Mapping[str, Case],
    repeats: int = 5,
    *,
    warmups: int = 1,
    seed: int = 0,
    env: Mapping[str, str] | None = None,
    before: Callable[[str], object] | None = None,
) -> dict[str, Timing]:
    """Run every case `warmups + repeats` times, each in a fresh process; the order is shuffled anew
    in every round, so that a slow minute of the machine hits all of them.

    `before(name)` runs ahead of each process, untimed (to remove outputs, say).
    """
    shuffler = random.Random(seed)
    samples: dict[str, list[dict[str, Any]]] = {name: [] for name in cases}
    for turn in range(warmups + repeats):
        names = list(cases)
        shuffler.shuffle(names)
        for name in names:
            if before is not None:
                before(name)
            sample = _run(cases[name], env)
            print(f"  round {turn}: {name} {sample['wall']:.3f} s", file=sys.stderr, flush=True)
            if turn >= warmups:
                samples[name].append(sample)
    return {name: _medians(rows) for name, rows in samples.items()}


def each_process(cases: Mapping[str, Case], repeats: int) -> dict[str, list[Timing]]:
    """What each of `repeats` fresh processes of every case measured; the order is shuffled anew
    in every round."""
    rounds = [measure(cases, repeats=1, warmups=0, seed=seed) for seed in range(repeats)]
    return {name: [each[name] for each in rounds] for name in cases}


def report(title: str, timings: Mapping[str, Timing], *, reference: str) -> str:
    """A readable table; the last column: how many times faster than `reference` each case is."""
    width = max(map(len, timings))
    lines = [
        title,
        f"{'case':<{width}}  {'wall s':>9}  {'CPU s':>9}  {'peak MiB':>9}  {'spread':>6}"
        f"  x {reference}",
    ]
    base = timings[reference].wall
    lines += [
        f"{name:<{width}}  {t.wall:9.3f}  {t.cpu:9.3f}  {t.rss:9.0f}  {t.spread:6.0%}"
        f"  {base / t.wall:.2f}"
        for name, t in timings.items()
    ]
    return "\n".join(lines)


def ratio(timings: Mapping[str, Timing], slow: str, fast: str) -> float:
    """How many times faster `fast` is than `slow`, by median wall time."""
    return timings[slow].wall / timings[fast].wall


def goal(name: str, value: float, target: float, *, at_most: bool = False) -> dict[str, Any]:
    """One goal of the run as a row for `as_json`: its figure, its bound and whether it is met."""
    met = value <= target if at_most else value >= target
    return {"goal": name, "value": value, "target": target, "at_most": at_most, "met": bool(met)}


def goals_text(goals: Sequence[Mapping[str, Any]]) -> str:
    """The goals as lines for a person."""
    return "\n".join(
        f"{'met ' if g['met'] else 'MISS'}  {g['goal']}: {g['value']:.2f}"
        f" (goal {'<=' if g['at_most'] else '>='} {g['target']:g})"
        for g in goals
    )


def as_json(
    name: str, timings: Mapping[str, Timing], goals: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """The run as plain data, with what is needed to judge it: machine, Python, number of CPUs."""
    return {
        "benchmark": name,
        "machine": platform.machine(),
        "python": platform.python_version(),
        "cpus": len(os.sched_getaffinity(0)),
        "timings": {case: asdict(timing) for case, timing in timings.items()},
        "goals": list(goals),
    }


def _run(case: Case, env: Mapping[str, str] | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        job = {"result": str(result), **_job(case)}
        # The small launcher stands between: a child's peak memory would otherwise start at ours.
        finished = subprocess.run(
            [sys.executable, "-m", "benchmarks.harness", json.dumps(job)],
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
        )
        if finished.returncode != 0 or not result.exists():
            raise SystemExit(f"benchmark case failed: {case}\n{finished.stdout}{finished.stderr}")
        return json.loads(result.read_text())


def _job(case: Case) -> dict[str, Any]:
    if not callable(case):
        return {"argv": [str(word) for word in case]}
    arguments: list[Any] = []
    options: dict[str, Any] = {}
    if isinstance(case, functools.partial):
        arguments, options, case = [*case.args], {**case.keywords}, case.func
    module = case.__module__
    if module == "__main__":
        module = sys.modules["__main__"].__spec__.name  # type: ignore[union-attr]
    return {"function": [module, case.__qualname__], "args": arguments, "kwargs": options}


def _medians(rows: Sequence[Mapping[str, Any]]) -> Timing:
    walls = [row["wall"] for row in rows]
    wall = statistics.median(walls)
    return Timing(
        wall=wall,
        cpu=statistics.median(row["cpu"] for row in rows),
        rss=statistics.median(row["rss"] for row in rows),
        spread=(max(walls) - min(walls)) / wall if wall else 0.0,
        repeats=len(rows),
        value=rows[-1].get("value"),
    )


def _child(job: Mapping[str, Any]) -> dict[str, Any]:
    if "argv" in job:
        start = time.perf_counter()
        process = subprocess.Popen(job["argv"], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        if status:
            raise SystemExit(os.waitstatus_to_exitcode(status))
        return {
            "wall": wall,
            "cpu": usage.ru_utime + usage.ru_stime,
            "rss": usage.ru_maxrss / 1024,
        }
    module, name = job["function"]
    function = getattr(importlib.import_module(module), name)
    for needed in getattr(function, "imports", ()):
        importlib.import_module(needed)
    cpu, start = _cpu(), time.perf_counter()
    value = function(*job["args"], **job["kwargs"])
    wall = time.perf_counter() - start
    return {"wall": wall, "cpu": _cpu() - cpu, "rss": _peak(), "value": value}


def _cpu() -> float:
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _peak() -> float:
    """Peak resident memory in MiB; VmHWM starts afresh with the process, ru_maxrss does not."""
    own = next(
        int(line.split()[1])
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmHWM")
    )
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024


if __name__ == "__main__":
    _job_ = json.loads(sys.argv[1])
    Path(_job_["result"]).write_text(json.dumps(_child(_job_)))
