"""site.yaml becomes what jobs ask for, or one line that names every mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from continual_vqa.config.site import RESUMED, GpuStage, Site, load_site
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
