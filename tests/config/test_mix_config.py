from __future__ import annotations

from pathlib import Path

import pytest

from continual_vqa.config.load import ConfigError, load_study
from continual_vqa.config.mix_checks import WORLD
from continual_vqa.plan.study_plan import Plan

STREAM = {"skills": "all", "groups": "all", "held_out": ["none"]}


def mix(**data: object) -> dict[str, object]:
    return {"stream": STREAM, "data": {"dataset": "mix", **data}, "pretraining": {"steps": 0}}


def test_a_study_of_the_miniature_worlds_tasks() -> None:
    sources = {name: {"format": name} for name in WORLD}
    sources["vqav2"] = {"format": "vqav2", "taxonomy": "vqacl-contiguous"}
    plan = Plan(load_study({"stream": STREAM, "data": {"sources": sources}}))
    assert plan.groups == ("all",)
    assert plan.skills[0] == "recognition" and plan.skills[-1] == "places365"
    assert "train/nlvr2/all" in plan.cells
    assert set(plan.world_files) == {*plan.raw_files, plan.scene_graphs}
    assert plan.image_arguments("test/color/all") == ["--images", f"{plan.world}/vqav2/images"]
    assert plan.image_arguments("test/piqa/all") == []
    assert plan.image_arguments("test/places365/all")[1] == f"{plan.world}/places365"


def test_relabelled_copies_have_the_images_of_their_task() -> None:
    data = {"sources": {"entails": {"format": "snli_ve"}}}
    plan = Plan(load_study({"stream": {**STREAM, "relabelings": 1}, "data": data}))
    assert plan.image_arguments("train/entails~1/all") == plan.image_arguments("train/entails/all")


def test_official_files_have_a_root_each(tmp_path: Path) -> None:
    for name in ("train.jsonl", "valid.jsonl", "train-labels.lst", "valid-labels.lst"):
        (tmp_path / name).write_text("")
    raw = mix(sources={"p": {"format": "piqa", "root": str(tmp_path), "limit": {"train": 2048}}})
    plan = Plan(load_study(raw))
    assert plan.index_arguments[-2] == "--source"
    assert '"limit":{"train":2048}' in plan.index_arguments[-1]
    assert len(plan.raw_files) == 4


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (mix(), "data.sources: is empty while data.dataset is mix"),
        (mix(sources={"p": {"format": "piqa"}}), "data.sources.p.root: is empty"),
        (mix(sources={"p": {"format": "piqa", "root": "/"}}), "/train.jsonl does not exist"),
        (mix(sources={"p": {"format": "pika"}}), "did you mean piqa?"),
        (mix(sources={"a-b": {"format": "piqa"}}), "data.sources.a-b"),
        (mix(sources={"p": {"format": "piqa", "limit": {"dev": 3}}}), "data.sources.p.limit"),
        (mix(sources={"p": {"format": "piqa", "limit": {"train": 0}}}), "data.sources.p.limit"),
        (
            {"data": {"dataset": "gqa", "sources": {"p": {"format": "piqa"}}}},
            "data.sources: is given while data.dataset is gqa",
        ),
        (
            {"data": {"sources": {"p": {"format": "piqa", "root": "x"}}}},
            "data.sources.p.root: is given in the miniature world",
        ),
        ({"data": {"sources": {"p": {"format": "image_folder"}}}}, "is image_folder"),
        (
            {"data": {"features": "x.tsv", "sources": {"p": {"format": "piqa"}}}},
            "data.features: is given beside data.sources",
        ),
        (
            {
                "data": {
                    "sources": {
                        "color": {"format": "piqa"},
                        "v": {"format": "vqav2", "taxonomy": "vqacl-contiguous"},
                    }
                }
            },
            "give the task color 2 times",
        ),
        (
            {"data": {"sources": {"v": {"format": "vqav2", "taxonomy": "gqa"}}}},
            "gqa is for gqa, not for vqav2",
        ),
        (
            {"data": {"sources": {"v": {"format": "vqav2", "taxonomy": "gqo"}}}},
            "data.sources.v.taxonomy: unknown taxonomy 'gqo'",
        ),
        (
            {"evaluation": {"split": "val"}, "data": {"sources": {"p": {"format": "piqa"}}}},
            "is piqa, which has no val",
        ),
        (
            {"stream": {"held_out": ["none"]}, "data": {"sources": {"p": {"format": "piqa"}}}},
            "stream.skills[0]: is 'recognition'; expected a skill: p",
        ),
    ],
)
def test_mistakes_in_sources_are_named(raw: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_study(raw)
    assert message in str(caught.value)
