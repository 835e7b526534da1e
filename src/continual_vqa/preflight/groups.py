"""What the largest job of each group asks for, where the profile makes groups of jobs one.

As Snakemake adds the requests of a group up: its jobs stand in levels, each after those it waits
for. Of a level as many run side by side as have slots; what does not fit comes after them. Memory,
cores and GPUs are those of the most demanding such row, and the rows' times add up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from continual_vqa.config.resources import Needs
from continual_vqa.config.site import COMPONENTS, SLOTS, STAGE_RULES, Site
from continual_vqa.plan.reporting import FIGURES
from continual_vqa.plan.study_plan import Plan
from continual_vqa.preflight.slurm import needs_of


@dataclass(frozen=True, slots=True)
class Step:
    """Jobs of one rule at one level of a group."""

    rule: str
    jobs: int = 1


Levels = Sequence[Sequence[Step]]


def group_requests(plan: Plan, site: Site) -> dict[str, tuple[str, Needs]]:
    """Group -> a rule whose jobs go where it goes, and what its largest job asks for."""
    if site.grouping == "none":
        return {}
    groups: dict[str, tuple[str, Sequence[Levels]]] = {
        "data": ("shard", [_cells(plan)]),
        "report": ("score", [_report(plan)]),
    }
    if site.grouping == "stage":
        # Where one has a GPU all go.
        place = next((rule for rule in STAGE_RULES if rule in site.gpu_stages), "train")
        groups["stage"] = (place, list(_stages(plan)))
    return {name: (rule, _largest(plan, site, made)) for name, (rule, made) in groups.items()}


def stands_for(site: Site, rule: str) -> bool:
    """Whether jobs of `rule` are never sent alone: those of a group are."""
    if site.grouping == "stage" and rule in STAGE_RULES:
        return True
    return site.grouping != "none" and rule == "shard"


def _cells(plan: Plan) -> Levels:
    """The cells of as many skills as one job takes, and their manifests."""
    numbers = sorted(len(plan.cells_of(skill)) for skill in plan.skills_of(plan.cells))
    largest = numbers[-COMPONENTS["data"] :]
    return [[Step("shard", sum(largest))], [Step("skill_manifest", len(largest))]]


def _report(plan: Plan) -> Levels:
    figures = sum(len(plan.drawn(row)) for row in FIGURES.values())
    tables = {
        "survey": plan.surveyed,
        "damage": plan.probes,
        "differences": plan.suited("pair"),
        "transfer": plan.transferred,
        "merges": plan.merged,
        "routing": plan.routed,
        "banks": plan.banked,
    }
    first = [Step("aggregate"), *(Step(rule) for rule, rows in tables.items() if rows)]
    second = [Step("forgetting")] if plan.transferred else []
    later = sum("forgetting" in row.reads for row in plan.tables.values())
    second.append(Step("figure", figures + len(plan.tables) - later))
    third = [[Step("table", later)]] if later else []
    return [first, second, *third, [Step("gallery")]]


def _stages(plan: Plan) -> Iterable[Levels]:
    """What is done after each stage, level by level."""
    after: dict[str, list[dict[str, int]]] = {
        stage: [defaultdict(int) for _ in range(5)] for stage in plan.stages
    }
    for stage in plan.stages:
        after[stage][0]["train"] += 1
    for importance in plan.importances.values():
        after[importance.stage.id][1]["importance"] += 1
    for logits in plan.logits.values():
        after[logits.stage.id][1]["logits"] += 1
    for mask in plan.masks.values():
        after[mask.stage.id][2]["mask"] += 1
    for stage in plan.banks:
        after[stage][1]["adapters"] += 1
    for merge in plan.merges.values():
        after[merge.stage.id][1]["merge"] += 1
        after[merge.stage.id][2]["drift"] += bool(plan.drifts)
    for probe in plan.probes.values():
        _answer(after[probe.last.stage.id], probe.last.id in plan.merges, "probe", "score_probe")
    for answers in plan.answers.values():
        weights = answers.weights
        _answer(after[weights.stage.id], weights.id in plan.merges, "predict", "score")
    for levels in after.values():
        yield [[Step(rule, jobs) for rule, jobs in level.items() if jobs] for level in levels]


def _answer(levels: Sequence[dict[str, int]], merged: bool, answering: str, scoring: str) -> None:
    levels[1 + merged][answering] += 1
    levels[2 + merged][scoring] += 1


def _largest(plan: Plan, site: Site, made: Iterable[Levels]) -> Needs:
    """What is enough for every one of the jobs `made`."""
    each = [_request(plan, site, levels) for levels in made]
    return Needs(
        threads=max(needs.threads for needs in each),
        mem_mb=max(needs.mem_mb for needs in each),
        runtime=max(needs.runtime for needs in each),
        gpu=max(needs.gpu for needs in each),
    )


def _request(plan: Plan, site: Site, levels: Levels) -> Needs:
    rows = [row for level in levels for row in _rows(plan, site, level)]
    return Needs(
        threads=max(sum(needs.threads for needs in row) for row in rows),
        mem_mb=max(sum(needs.mem_mb for needs in row) for row in rows),
        runtime=sum(max(needs.runtime for needs in row) for row in rows),
        gpu=max(sum(needs.gpu for needs in row) for row in rows),
    )


def _rows(plan: Plan, site: Site, level: Sequence[Step]) -> list[list[Needs]]:
    """The jobs of a level in rows that run side by side: first the longest, each where it fits."""
    jobs = []
    for step in level:
        needs = needs_of(site, step.rule, plan.study.resources)
        jobs += [(needs, site.slots_of(step.rule))] * step.jobs
    rows: list[tuple[list[Needs], int]] = []
    for needs, slots in sorted(jobs, key=lambda job: (-job[0].runtime, -job[1])):
        place = next((i for i, (_, taken) in enumerate(rows) if taken + slots <= SLOTS), None)
        if place is None:
            rows.append(([needs], slots))
        else:
            rows[place] = ([*rows[place][0], needs], rows[place][1] + slots)
    return [row for row, _ in rows]
