"""Check before the first job what would fail after hours.

Data, versions, free space, GPUs; with --profile slurm whether the cluster would take each kind of
job: the lines of sbatch are shown as they would be sent, and tested without submitting anything.
Ends with code 1 where something has to be mended.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from continual_vqa.plan.study_plan import Plan
from continual_vqa.preflight.finding import Finding

EXAMPLE = "continual-vqa doctor --configfile config/benchmark.yaml --profile slurm"
LOCK = Path("envs/requirements.lock")
SITE = Path("profiles/slurm/site.yaml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--configfile", action="append", default=[], help="as for snakemake")
    parser.add_argument("--profile", choices=("slurm",), help="where jobs go; without it: here")
    parser.add_argument("--site", type=Path, default=SITE, help=f"the cluster (default {SITE})")
    parser.add_argument(
        "--on-node",
        action="store_true",
        help="with --profile: also run one job, which looks at the results folder",
    )


def run(args: argparse.Namespace) -> dict[str, object]:
    from continual_vqa.config.files import load_files
    from continual_vqa.preflight import machine, space

    study = load_files(args.configfile)
    plan = Plan(study)
    findings = [*space.check_data(plan), *machine.check_versions(LOCK), *space.check_space(plan)]
    if args.profile:
        findings += _cluster(args, plan)
    else:
        train = study.resources.train
        sharing = train.processes if train.sharding == "full" else 1
        findings += machine.check_gpu(train.gpu, space.weights_of(plan), sharing=sharing)
    trained, merged, answered = plan.stages, plan.merges, plan.answers
    return {
        "study": study.name,
        "jobs": {"train": len(trained), "merge": len(merged), "predict": len(answered)},
        "bad": sum(finding.level == "bad" for finding in findings),
        "findings": [asdict(finding) for finding in findings],
    }


def describe(summary: dict) -> str:
    findings = [Finding(**finding) for finding in summary["findings"]]
    width = max(len(finding.about) for finding in findings)
    jobs = ", ".join(f"{count:,} {kind}" for kind, count in summary["jobs"].items() if count)
    bad = summary["bad"]
    end = f"{bad} to mend before the first job" if bad else "ready: snakemake can start"
    lines = [f"study {summary['study']}: {jobs}", "", *(each.line(width) for each in findings)]
    return "\n".join([*lines, "", end])


def exit_code(summary: dict) -> int:
    """1 where something has to be mended."""
    return int(summary["bad"] > 0)


def _cluster(args: argparse.Namespace, plan: Plan) -> Iterator[Finding]:
    from continual_vqa.config.site import load_site
    from continual_vqa.preflight import groups, slurm

    site = load_site(args.site)
    if not slurm.has_slurm():
        yield Finding("bad", "Slurm", "there is no sbatch here", "log in to a node that submits")
        return
    answering = list(slurm.check_controller())
    yield from answering
    if all(finding.level != "bad" for finding in answering):
        grouped = groups.group_requests(plan, site)
        rules = [rule for rule in _rules(plan) if not groups.stands_for(site, rule)]
        yield from slurm.check_requests(site, plan.study.resources, rules, grouped)
        if args.on_node:
            yield from slurm.check_shared_folder(Path(plan.study.results), site)


def _rules(plan: Plan) -> list[str]:
    """The rules with jobs of the study, as far as they ask for more than the light ones."""
    counts = {
        "importance": plan.importances,
        "probe": plan.probes,
        "drift": plan.drifts,
        "adapters": plan.banks,
        "logits": plan.logits,
    }
    further = [name for name, jobs in counts.items() if jobs]
    return ["score", "shard", "base", "train", "predict", *further]
