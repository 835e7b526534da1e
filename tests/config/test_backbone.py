from __future__ import annotations

from pathlib import Path

import pytest

from continual_vqa.config.load import ConfigError, load_study
from continual_vqa.plan.study_plan import Plan


def study(**backbone: object) -> dict[str, object]:
    return {"backbone": {"family": "llava", "folder": "", **backbone}}


def test_the_defaults_of_llava_are_valid() -> None:
    chosen = load_study(study()).backbone
    assert (chosen.lora.rank, chosen.rank) == (None, 32) and chosen.llava.dtype == "fp32"


def test_the_defaults_of_paligemma_are_valid() -> None:
    chosen = load_study(study(family="paligemma")).backbone
    assert chosen.rank == 32 and chosen.lora.projector
    assert chosen.paligemma.template.startswith("<image><bos>")


@pytest.mark.parametrize(
    ("backbone", "path", "words"),
    [
        ({"llava": {"heads": 5}}, "backbone.llava.heads", "a divisor of 96"),
        ({"llava": {"kv_heads": 3}}, "backbone.llava.kv_heads", "a divisor of 4"),
        ({"llava": {"vision_heads": 7}}, "backbone.llava.vision_heads", "a divisor of 96"),
        ({"llava": {"heads": 32, "kv_heads": 1}}, "backbone.llava.heads", "even width"),
        ({"llava": {"feature_layer": -3}}, "backbone.llava.feature_layer", "-1 to -2"),
        ({"llava": {"template": "{question}"}}, "backbone.llava.template", "<image> 0 times"),
        ({"lora": {"targets": ["q_proj", "q_proj"]}}, "backbone.lora.targets", "twice"),
        ({"adapter": "nowhere"}, "backbone.adapter", "a peft folder"),
        ({"family": "t5_vision", "adapter": "x"}, "backbone.adapter", "family llava"),
        (
            {"family": "t5_vision", "lora": {"rank": 4, "vision_tower": True}},
            "backbone.lora.vision_tower",
            "is no tower",
        ),
        (
            {"family": "t5_vision", "lora": {"targets": ["q", "q"]}},
            "backbone.lora.targets",
            "twice",
        ),
        (
            {"family": "t5_vision", "lora": {"rank": 4, "projector": False}},
            "backbone.lora.projector",
            "no projector",
        ),
        (
            {"family": "paligemma", "paligemma": {"kv_heads": 3}},
            "backbone.paligemma.kv_heads",
            "a divisor of 4",
        ),
        (
            {"family": "paligemma", "paligemma": {"template": "<image><bos>"}},
            "backbone.paligemma.template",
            "{question} 0 times",
        ),
        (
            {"family": "paligemma", "vision": {"kind": "regions"}},
            "backbone.vision.kind",
            "family is paligemma",
        ),
        ({"family": "vilt", "vilt": {"heads": 5}}, "backbone.vilt.heads", "a divisor of 96"),
        ({"family": "vilt", "vision": {"kind": "regions"}}, "backbone.vision.kind", "is vilt"),
        ({"family": "vilt", "adapter": "x"}, "backbone.adapter", "family llava"),
        ({"family": "vilt", "lora": {"projector": False}}, "backbone.lora.projector", "the head"),
    ],
)
def test_what_cannot_be_built_is_named(backbone: dict, path: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_study(study(**backbone))
    assert path in str(caught.value) and words in str(caught.value)


@pytest.mark.parametrize(
    ("backbone", "named"),
    [
        ({"family": "t5_vision"}, "t5_vision"),
        ({"family": "t5_vision", "lora": {"rank": 0}}, "t5_vision"),
        ({"lora": {"rank": 0}}, "llava"),
        ({"family": "vilt"}, "vilt"),
        ({"family": "t5_vision", "lora": {"rank": 4}}, ""),
        ({}, ""),
    ],
)
def test_low_rank_tuning_needs_factors(backbone: dict, named: str) -> None:
    raw = {**study(**backbone), "custom_recipes": {"low": {"tune": "lora"}}, "recipes": ["low"]}
    if not named:
        assert load_study(raw).backbone.rank in (4, 32)
        return
    with pytest.raises(ConfigError) as caught:
        load_study(raw)
    words = ("custom_recipes.low.tune", named, "backbone.lora.rank of 1 or more")
    assert all(word in str(caught.value) for word in words)


def test_a_head_over_answers_is_what_some_families_have() -> None:
    chosen = {"recipes": ["independent_head", "mine"], "custom_recipes": {"mine": {"tune": "head"}}}
    with pytest.raises(ConfigError) as caught:
        load_study({**study(family="t5_vision"), **chosen})
    found = {m.path: str(m) for m in caught.value.mistakes}
    assert "independent_head tunes a head over the answers" in found["recipes"]
    assert "t5_vision writes its answers" in found["custom_recipes.mine.tune"]
    assert load_study({**study(family="vilt"), **chosen})


def test_all_weights_and_the_adapter_are_inputs_of_the_base(tmp_path: Path) -> None:
    folder, adapter = tmp_path / "model", tmp_path / "adapter"
    folder.mkdir()
    adapter.mkdir()
    (adapter / "adapter_config.json").touch()
    plan = Plan(load_study(study(folder=str(folder), adapter=str(adapter))))
    assert f"{folder}/model.safetensors" in plan.base_inputs
    assert f"{adapter}/adapter_model.safetensors" in plan.base_inputs
    for number in (1, 2):
        (folder / f"model-0000{number}-of-00002.safetensors").touch()
    plan = Plan(load_study(study(folder=str(folder))))
    assert [Path(path).name[:11] for path in plan.base_inputs[1:]] == ["model-00001", "model-00002"]


@pytest.mark.parametrize(
    ("backbone", "hashes"),
    [
        ({"family": "vilt"}, 2),
        ({"family": "vilt", "folder": "models/vilt"}, 1),
        ({"family": "t5_vision"}, 1),
        ({"family": "t5_vision", "folder": "models/t5"}, 0),
    ],
)
def test_answers_to_choose_from_are_the_questions_whatever_the_base(
    backbone: dict, hashes: int
) -> None:
    raw = study(**backbone)
    chosen = load_study({**raw, "backbone": {**study()["backbone"], "family": "vilt"}})  # pyright: ignore
    own = chosen.backbone.model_copy(update=backbone)
    plan = Plan(chosen.model_copy(update={"backbone": own}))
    assert plan.builds_vocabulary == (hashes > 0)
    assert len(plan.vocabulary_hash().split()) == hashes
    assert ("--texts" in plan.base_arguments) == (hashes > 0)
