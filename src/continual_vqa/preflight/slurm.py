"""The cluster: whether Slurm would take the study's jobs, asked without submitting one."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from continual_vqa.config.resources import Needs, ResourcesConfig, SharedNeeds
from continual_vqa.config.site import Request, Site
from continual_vqa.errors import naming
from continual_vqa.preflight.finding import Finding
from continual_vqa.preflight.machine import Ask, ask

# Seconds between two looks at the queue, at most; a finished job has to stay visible for longer.
LONGEST_LOOK = 180
SECONDS = 120
# Rules by the block of `resources` that they ask for.
LIGHT = "light"
KINDS: Mapping[str, tuple[str, ...]] = {
    LIGHT: ("score",),
    "data": ("shard", "survey", "differences"),
    "pretrain": ("base",),
    "train": ("train", "importance"),
    "predict": ("predict", "probe", "drift", "adapters", "logits", "herd"),
}
# Rules whose jobs have several processes where their block says so.
SHARED = ("train", "importance", "predict")


class Answer(NamedTuple):
    """What a program answered."""

    right: bool
    text: str


Try = Callable[[Sequence[str]], Answer]


def attempt(command: Sequence[str]) -> Answer:
    """Run a program; its answer is what it prints on both streams."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return Answer(False, f"no answer in {SECONDS} s")
    return Answer(done.returncode == 0, (done.stdout + done.stderr).strip())


def has_slurm() -> bool:
    """Whether jobs can be submitted from this machine."""
    return shutil.which("sbatch") is not None


def needs_of(site: Site, rule: str, resources: ResourcesConfig) -> Needs:
    """What the rule's jobs ask for first: the study's numbers, or the site's in their place."""
    kind = next((kind for kind, rules in KINDS.items() if rule in rules), LIGHT)
    needs: Needs = getattr(resources, kind)
    request = site.requests.get(rule, Request())
    runtime = min(request.runtime, site.max_runtime) if request.runtime else needs.runtime
    threads = needs.threads
    if rule in SHARED and isinstance(needs, SharedNeeds):
        threads = needs.all_threads
    return Needs(
        threads=threads,
        mem_mb=request.mem_mb or needs.mem_mb,
        runtime=runtime,
        gpu=site.gpus if rule in site.gpu_stages else needs.gpu,
    )


def sbatch_line(site: Site, rule: str, needs: Needs) -> list[str]:
    """The request as the plugin makes it, for the place where the rule's jobs go."""
    on_gpu = rule in site.gpu_stages
    partition = site.gpu_partition if on_gpu else site.cpu_partition
    nodes = site.nodes_of(rule)
    line = ["sbatch", f"--ntasks={nodes}", f"--cpus-per-task={needs.threads}"]
    line += [f"--nodes={nodes}"] if nodes > 1 else []
    line += [f"--mem={needs.mem_mb}", f"--time={needs.runtime}"]
    line += [f"--account={site.account}"] if site.account else []
    line += [f"--partition={partition}"] if partition else []
    if needs.gpu and site.gpu_request == "gres" and on_gpu:
        line.append("--gres=" + ":".join(filter(None, ("gpu", site.gpu_model, str(site.gpus)))))
    elif on_gpu and nodes > 1:
        line.append("--gpus-per-node=" + ":".join(filter(None, (site.gpu_model, str(site.gpus)))))
    elif needs.gpu:
        model = site.gpu_model if on_gpu else ""
        line.append("--gpus=" + ":".join(filter(None, (model, str(needs.gpu)))))
    return line


# `sbatch` checks a request against partitions, limits and accounts as if it were sent.
TEST = ("--test-only", "--wrap=true")


def check_requests(
    site: Site,
    resources: ResourcesConfig,
    rules: Sequence[str],
    groups: Mapping[str, tuple[str, Needs]],
    trying: Try = attempt,
) -> Iterator[Finding]:
    """Whether Slurm would take a job of each rule and group (`sbatch --test-only`).

    `groups` are named, each with the rule where whose jobs it goes, and what it asks for.
    """
    seen: dict[str, list[str]] = {}
    for members in KINDS.values():
        for rule in members:
            if rule in rules:
                line = shlex.join(sbatch_line(site, rule, needs_of(site, rule, resources)))
                seen.setdefault(line, []).append(rule)
    for name, (rule, needs) in groups.items():
        line = shlex.join(sbatch_line(site, rule, needs))
        seen.setdefault(line, []).append(f"group {name}")
    for line, members in seen.items():
        answer = trying([*shlex.split(line), *TEST])
        about = f"jobs: {', '.join(members)}"
        if answer.right:
            yield Finding("good", about, line)
        else:
            reason = answer.text.splitlines()[-1] if answer.text else "no reason given"
            reason = reason.removeprefix("sbatch: error: ").removeprefix("allocation failure: ")
            yield Finding(
                "bad", about, f"{line}: {reason}", "change profiles/slurm/site.yaml (see sinfo)"
            )


def check_controller(asking: Ask = ask) -> Iterator[Finding]:
    """Whether the controller answers, and keeps finished jobs in sight for long enough."""
    shown = asking(["scontrol", "show", "config"])
    if shown is None:
        yield Finding("bad", "Slurm", "the controller does not answer", "try scontrol ping")
        return
    found = re.search(r"^MinJobAge\s*=\s*(\d+)", shown, re.MULTILINE)
    if found and int(found[1]) <= LONGEST_LOOK:
        yield Finding(
            "bad",
            "Slurm",
            f"MinJobAge is {found[1]} s: finished jobs vanish between two looks at the queue",
            "set slurm-status-command: sacct in profiles/slurm/config.yaml",
        )
    else:
        yield Finding("good", "Slurm", "the controller answers")


def check_shared_folder(results: Path, site: Site, trying: Try = attempt) -> Iterator[Finding]:
    """Whether a node sees what is written here: one short job, which may queue."""
    token = uuid4().hex
    path = results / f".seen-{token}"
    with naming(path, "write"):
        results.mkdir(parents=True, exist_ok=True)
        path.write_text(token)
    options = sbatch_line(site, "score", Needs(mem_mb=100, runtime=1))[1:]
    try:
        answer = trying(["srun", *options, "cat", str(path.resolve())])
    finally:
        path.unlink()
    if token in answer.text:
        yield Finding("good", "shared folder", f"a node reads {results}")
    else:
        reason = answer.text.splitlines()[-1] if answer.text else "no answer"
        yield Finding(
            "bad",
            "shared folder",
            f"a node does not read {results.resolve()}: {reason}",
            "set results to a folder on the shared file system",
        )
