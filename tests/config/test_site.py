"""site.yaml becomes what jobs ask for, or one line that names every mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from continual_vqa.config.site import (
    CHAINED,
    COMPONENTS,
    RESUMED,
    SLOTS,
    SLOTTED,
    STAGE_RULES,
    GpuStage,
    Site,
    load_site,
)
from continual_vqa.errors import UserError

SHIPPED = Path("profiles/slurm/site.yaml")


def test_the_shipped_file_names_every_key(repository: Path) -> None:
    text = (repository / SHIPPED).read_text()
    assert set(re.findall(r"^(\w+):", text, re.MULTILINE)) == set(Site.model_fields)
    load_site(repository / SHIPPED)


def test_the_stages_with_gpus_are_the_rules_that_ask_for_them(repository: Path) -> None:
    rules: dict[str, str] = {}
    for path in (repository / "workflow" / "rules").glob("*.smk"):
        parts = re.split(r"^ *(?:checkpoint|rule) (\w+):$", path.read_text(), flags=re.MULTILINE)
        rules |= dict(zip(parts[1::2], parts[2::2], strict=True))
    with_gpu = {name for name, text in rules.items() if re.search(r"\bgpu=study", text)}
    assert with_gpu == set(GpuStage.__args__)
    assert {name for name, text in rules.items() if "--scratch" in text} == set(RESUMED)


def rule_groups(repository: Path) -> dict[str, str]:
    """Rule -> the call that names its group; for figures and tables the file's."""
    found: dict[str, str] = {}
    for path in (repository / "workflow" / "rules").glob("*.smk"):
        form = r"^ *(?:(?:checkpoint|rule)(?: (\w+))?|use rule \w+ as (\w+) with):$"
        parts = re.split(form, path.read_text(), flags=re.MULTILINE)
        for name, copied, text in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
            if group := re.search(r"group:\s+(\w+_group\(.*\))", text):
                found[name or copied or path.stem] = group[1]
    return found


def test_the_groups_are_those_of_the_rules(repository: Path) -> None:
    groups = rule_groups(repository)
    stage = {rule for rule, group in groups.items() if group.startswith("stage_group(")}
    assert stage == set(STAGE_RULES)
    named = {re.sub(r"\W|light_group", "", g) for r, g in groups.items() if r not in stage}
    assert named == set(COMPONENTS)


@pytest.mark.parametrize("request_form", ["gpus", "gres"])
def test_all_of_a_stage_asks_for_the_same_place(request_form: str) -> None:
    site = Site.model_validate(
        {
            "gpu_partition": "fast",
            "gpu_stages": ["train", "predict"],
            "gpus": 2,
            "gpu_model": "h200",
            "gpu_request": request_form,
            "grouping": "stage",
        }
    )
    found = site.set_resources()
    texts = [{k: v for k, v in found[rule].items() if isinstance(v, str)} for rule in STAGE_RULES]
    # Snakemake refuses a group in which they differ.
    assert texts == [texts[0]] * len(STAGE_RULES)
    assert texts[0]["slurm_partition"] == "'fast'"
    assert texts[0]["slurm_extra"] == "'--signal=TERM@120'"
    # One after the other on the GPUs; light ones beside each other.
    alone = {rule for rule in STAGE_RULES if found[rule].get(SLOTTED) == SLOTS}
    assert alone == {"train", "importance", "predict", "probe", "drift", "adapters", "logits"}
    assert {rule for rule in STAGE_RULES if found[rule].get("gpu")} == (
        {"train", "predict"} if request_form == "gpus" else set()
    )
    assert site.default_resources() == {SLOTTED: 1, CHAINED: 1}


def test_light_groups_leave_the_stages_alone() -> None:
    none, light = (
        Site.model_validate({"grouping": grouping, "gpu_stages": ["train"]})
        for grouping in ("none", "light")
    )
    assert light.set_resources() == {**none.set_resources(), "shard": {SLOTTED: 2}}
    assert light.default_resources() == {SLOTTED: 1}
    assert none.default_resources() == {}


def test_one_request_for_gpus_in_either_form() -> None:
    gpus = Site(gpu_partition="fast", gpu_stages=("predict",), gpus=2, gpu_model="h200")
    assert gpus.set_resources()["predict"] == {
        "slurm_partition": "'fast'",
        "gpu": 2,
        "gpu_model": "'h200'",
    }
    gres = gpus.model_copy(update={"gpu_request": "gres"})
    assert gres.set_resources()["predict"] == {
        "slurm_partition": "'fast'",
        "gpu": 0,
        "gres": "'gpu:h200:2'",
    }
    untyped = gres.model_copy(update={"gpu_model": ""})
    assert untyped.set_resources()["predict"]["gres"] == "'gpu:2'"


def test_jobs_of_several_nodes_have_their_gpus_on_each() -> None:
    site = Site(gpu_stages=("train", "predict"), gpus=4, gpu_model="h200", nodes=2, notice=60)
    spread = {"nodes": 2, "tasks": 2, "mpi": "'srun'", "tasks_per_gpu": 0}
    told = "--signal=TERM@60"
    assert site.set_resources() == {
        "train": {"gpu": 0, **spread, "slurm_extra": f"'--gpus-per-node=h200:4 {told}'"},
        "importance": {**spread, "slurm_extra": f"'{told}'"},
        "predict": {"gpu": 4, "gpu_model": "'h200'"},
        "base": {"slurm_extra": f"'{told}'"},
    }
    gres = site.model_copy(update={"gpu_request": "gres"}).set_resources()
    gpus = {"gpu": 0, "gres": "'gpu:h200:4'"}
    assert gres["train"] == {**gpus, **spread, "slurm_extra": f"'{told}'"}
    assert gres["predict"] == gpus


def test_empty_keys_ask_for_nothing() -> None:
    assert Site(notice=0).set_resources() == {}
    assert Site().default_resources() == {}


def test_requests_double_up_to_the_limit() -> None:
    requests = {"score": {"runtime": 50}, "train": {"mem_mb": 9000}}
    site = Site.model_validate({"max_runtime": 120, "notice": 0, "requests": requests})
    assert site.set_resources() == {
        "score": {"runtime": "min(50 * 2 ** (attempt - 1), 120)"},
        "train": {"mem_mb": "9000 * 2 ** (attempt - 1)"},
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("acount: lab", "acount: unknown key; did you mean account?"),
        ("requests: {train: {mem: 3}}", "requests.train.mem: unknown key; did you mean"),
        ("gpus: many", "gpus: input should be a valid integer"),
        ("gpu_stages: [figures]", "gpu_stages.0: input should be 'base'"),
        ("cpu_partition: a; rm -rf b", "cpu_partition: string should match pattern"),
        ("cpu_partition: [", "is not YAML"),
        ("{nodes: 2, grouping: stage}", "with grouping: stage each job has one node"),
        ("- a", "site: input should be a valid dictionary"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        load_site(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read"):
        load_site(tmp_path / "site.yaml")
