"""What the largest job of a group asks for; tests/slurm compares it with what Slurm was asked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from continual_vqa.config.load import load_study
from continual_vqa.config.resources import Needs
from continual_vqa.config.site import STAGE_RULES, Site
from continual_vqa.plan.study_plan import Plan
from continual_vqa.preflight.groups import group_requests, stands_for
from continual_vqa.preflight.slurm import KINDS, LIGHT

REPOSITORY = Path(__file__).resolve().parents[2]

STUDY = {
    "name": "small",
    "stream": {
        "skills": ["location", "count", "color"],
        "groups": ["G1", "G2"],
        "held_out": ["none"],
    },
    "backbone": {"lora": {"rank": 4}},
    "recipes": ["sequential", "aim"],
    "resources": {
        "light": {"threads": 1, "mem_mb": 1000, "runtime": 10},
        "data": {"threads": 2, "mem_mb": 4000, "runtime": 60},
        "train": {"threads": 3, "mem_mb": 5000, "runtime": 100},
        "predict": {"threads": 1, "mem_mb": 6000, "runtime": 30},
    },
}


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(load_study(STUDY))


def test_without_groups_there_is_nothing_to_ask(plan: Plan) -> None:
    assert group_requests(plan, Site()) == {}
    assert not any(stands_for(Site(), rule) for rule in (*STAGE_RULES, "shard"))


def test_light_jobs_share_the_slots_of_their_group(plan: Plan) -> None:
    found = group_requests(plan, Site(grouping="light"))
    assert set(found) == {"data", "report"}
    # Four of the splits of skills have eight cells: four at a time, and then the four manifests.
    assert found["data"] == ("shard", Needs(threads=8, mem_mb=16000, runtime=60 + 60 + 10))
    rule, report = found["report"]
    # At first aggregate beside survey and differences, which ask for the block data.
    assert (rule, report.threads, report.mem_mb) == ("score", 8, 1000 + 2 * 4000)
    # Tables of the results, the figures and tables made of them, and the page that shows these.
    assert report.runtime % 10 == 0 and report.runtime >= 40


def test_what_follows_a_stage_waits_for_its_gpus(plan: Plan) -> None:
    site = Site(grouping="stage", gpu_stages=("train", "importance", "predict"), gpus=2)
    place, stage = group_requests(plan, site)["stage"]
    # A later stage of AIM: train; importance and answers, one after the other; mask and scores.
    assert stage == Needs(threads=3, mem_mb=6000, runtime=100 + 100 + 30 + 10, gpu=2)
    assert place in site.gpu_stages
    assert stands_for(site, "mask") and not stands_for(site, "base")


def test_a_merge_is_answered_after_it_is_made(plan: Plan) -> None:
    only = Plan(load_study({**STUDY, "recipes": ["average"]}))
    _, stage = group_requests(only, Site(grouping="stage"))["stage"]
    # Trained, merged; answered, and compared with what was merged; scored.
    assert stage.runtime == 100 + 10 + 30 + 30 + 10
    assert stage.gpu == 0


def test_rules_that_share_a_job_ask_for_the_block_that_they_are_counted_with() -> None:
    counted = {rule: kind for kind, rules in KINDS.items() for rule in rules}
    seen = {}
    for path in sorted((REPOSITORY / "workflow" / "rules").glob("*.smk")):
        for name, body in re.findall(
            r"^ *rule (\w+):\n(.*?)(?=^ *rule |\Z)", path.read_text(), flags=re.M | re.S
        ):
            block = re.search(r"mem_mb=grown\(study\.resources\.(\w+)\.mem_mb\)", body)
            if block and re.search(r"light_group\(\"(report|data)\"\)|stage_group", body):
                seen[name] = block[1]
    assert {"shard", "survey", "differences", "gallery", "predict", "score"} <= seen.keys()
    assert {name: counted.get(name, LIGHT) for name in seen} == seen
