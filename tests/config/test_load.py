"""Every mistake of a configuration is found at once, named, and met with the nearest valid name."""

from __future__ import annotations

import pytest

from continual_vqa.config.load import ConfigError, load_study
from continual_vqa.config.study import Study
from continual_vqa.errors import UserError


def mistakes(raw: dict) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        load_study(raw)
    return {m.path: str(m) for m in caught.value.mistakes}


def test_nothing_given_is_the_default() -> None:
    assert load_study({}) == Study()


def test_empty_blocks_are_their_defaults() -> None:
    assert load_study({"training": None, "stream": {"skills": None}}) == Study()


@pytest.mark.parametrize(
    ("raw", "path", "words"),
    [
        ({"trainig": {}}, "trainig", "unknown key; did you mean training?"),
        ({"training": {"epoch": 3}}, "training.epoch", "did you mean training.epochs?"),
        ({"training": {"epochs": "many"}}, "training.epochs", "expected a whole number"),
        ({"training": {"epochs": 1.5}}, "training.epochs", "expected a whole number"),
        ({"training": {"lr": -1}}, "training.lr", "greater than 0"),
        ({"training": {"precision": "bf61"}}, "training.precision", "did you mean bf16?"),
        ({"training": 3}, "training", "expected a block of keys"),
        ({"seeds": []}, "seeds", "at least 1 item"),
        ({"seeds": [1, 1]}, "seeds", "names 1 more than once"),
        ({"seeds": [-1]}, "seeds[0]", "expected 0 or more"),
        ({"recipes": ["sequentail"]}, "recipes[0]", "did you mean sequential?"),
        ({"recipes": "joint"}, "recipes", "expected a list"),
        ({"probe": {"recipes": ["joint"]}}, "probe.recipes[0]", "a continual recipe of the study"),
        (
            {
                "backbone": {"lora": {"rank": 4}},
                "recipes": ["pam", "olora"],
                "probe": {"recipes": ["olora"]},
            },
            "probe.recipes[0]",
            "whose last checkpoint answers all tasks: pam",
        ),
        ({"stream": {"skills": ["colour"]}}, "stream.skills[0]", "did you mean color?"),
        ({"stream": {"groups": ["G9"]}}, "stream.groups[0]", "expected a concept group: G1"),
        ({"stream": {"held_out": ["G9"]}}, "stream.held_out[0]", "a group of the stream"),
        ({"stream": {"orders": ["reverse"]}}, "stream.orders[0]", "did you mean reversed?"),
        (
            {"stream": {"groups": ["G1"], "held_out": ["G1"]}},
            "stream.held_out",
            "holds out the only group",
        ),
        (
            {"backbone": {"vision": {"patch_size": 7}}},
            "backbone.vision.patch_size",
            "does not divide image_size 48",
        ),
        (
            {"backbone": {"vision": {"kind": "regions"}}},
            "backbone.vision.kind",
            "data.features is empty",
        ),
        (
            {"custom_recipes": {"mine": {"schedule": "joint"}}},
            "custom_recipes.mine.start",
            "joint training has one stage",
        ),
        (
            {"custom_recipes": {"mine": {"guard": []}}},
            "custom_recipes.mine.guard",
            "did you mean custom_recipes.mine.guards?",
        ),
        (
            {"custom_recipes": {"mine": {"guards": [{"kind": "masks"}]}}},
            "custom_recipes.mine.guards[0].kind",
            "did you mean mask?",
        ),
        (
            {"custom_recipes": {"mine": {"guards": [{"kind": "mask", "budgt": {}}]}}},
            "custom_recipes.mine.guards[0].budgt",
            "did you mean custom_recipes.mine.guards[0].budget?",
        ),
        (
            {"custom_recipes": {"mine": {"guards": [{"kind": "mask", "budget": {"vision": 2}}]}}},
            "custom_recipes.mine.guards[0].budget.vision",
            "less than or equal to 1",
        ),
        (
            {
                "custom_recipes": {
                    "mine": {"schedule": "joint", "start": "base", "guards": [{"kind": "distil"}]}
                }
            },
            "custom_recipes.mine.guards",
            "joint training has no earlier task",
        ),
        (
            {"custom_recipes": {"mine": {"guards": [{"kind": "mask", "directional": 0.5}]}}},
            "custom_recipes.mine.guards[0].importance.direction",
            "expected true",
        ),
        (
            {"custom_recipes": {"mine": {"start": "merged"}}},
            "custom_recipes.mine.start",
            "expected a merge in deploy",
        ),
        (
            {
                "custom_recipes": {
                    "mine": {"schedule": "joint", "start": "base", "deploy": {"kind": "ties"}}
                }
            },
            "custom_recipes.mine.deploy",
            "one set of weights",
        ),
        (
            {"custom_recipes": {"mine": {"deploy": {"kind": "tees"}}}},
            "custom_recipes.mine.deploy.kind",
            "did you mean ties?",
        ),
        (
            {"custom_recipes": {"mine": {"deploy": {"kind": "ties", "densty": 1}}}},
            "custom_recipes.mine.deploy.densty",
            "did you mean custom_recipes.mine.deploy.density?",
        ),
        ({"evaluation": {"split": {"a": 1}}}, "evaluation.split", "expected val or test"),
        (
            {"custom_recipes": {"mine": {"guards": [{"kind": "orthogonal"}]}}},
            "custom_recipes.mine.guards[0].kind",
            "expected start: stacked",
        ),
        (
            {"custom_recipes": {"mine": {"start": "stacked", "guards": [{"kind": "distil"}]}}},
            "custom_recipes.mine.guards[0].kind",
            "expected orthogonal",
        ),
        (
            {"custom_recipes": {"mine": {"start": "stacked", "deploy": {"kind": "magmax"}}}},
            "custom_recipes.mine.deploy",
            "act together already",
        ),
        (
            {"stream": {"downstream": ["colour"]}},
            "stream.downstream[0]",
            "did you mean color?",
        ),
        (
            {"stream": {"skills": ["color", "count"], "downstream": ["color"]}},
            "stream.downstream",
            "names color, which is in stream.skills",
        ),
        (
            {"stream": {"skills": ["count"], "downstream": ["color"], "downstream_epochs": 5}},
            "stream.downstream_epochs",
            "downstream_questions is 0",
        ),
        (
            {"stream": {"downstream_questions": 5}},
            "stream.downstream_questions",
            "names no skill",
        ),
        (
            {
                "stream": {
                    "skills": ["count"],
                    "downstream": ["color"],
                    "tasks": "cells",
                    "held_out": ["none"],
                }
            },
            "stream.downstream",
            "while stream.tasks is cells",
        ),
        (
            {"custom_recipes": {"mine": {"start": "stacked", "deploy": "inferred"}}},
            "custom_recipes.mine.deploy",
            "act together already",
        ),
        (
            {"custom_recipes": {"mine": {"tune": {"kind": "adapter_bank"}, "deploy": "own"}}},
            "custom_recipes.mine.start",
            "expected stacked: earlier adapters stay, and one is added",
        ),
        (
            {"custom_recipes": {"mine": {"tune": {"kind": "adapter_bank"}, "start": "stacked"}}},
            "custom_recipes.mine.deploy",
            "is 'trained' while tune is 'adapter_bank'",
        ),
        (
            {
                "custom_recipes": {
                    "mine": {
                        "tune": {"kind": "adapter_bank", "phases": ["expansion", "experience"]},
                        "start": "stacked",
                        "deploy": "own",
                        "replay": "examples",
                    }
                }
            },
            "custom_recipes.mine.tune.phases",
            "expected experience, expansion, or both in this order",
        ),
        (
            {
                "custom_recipes": {
                    "mine": {"tune": {"kind": "adapter"}, "deploy": {"kind": "average"}}
                }
            },
            "custom_recipes.mine.deploy",
            "is a merge while tune is 'adapter'",
        ),
        (
            {"custom_recipes": {"mine": {"start": "stacked", "tune": "full"}}},
            "custom_recipes.mine.start",
            "expected tune: lora",
        ),
        (
            {
                "custom_recipes": {"mine": {"start": "base", "deploy": "own"}},
                "recipes": ["mine"],
                "evaluation": {"tasks": "all"},
            },
            "evaluation.tasks",
            "expected seen",
        ),
        (
            {"custom_recipes": {"mine": {"tune": "lora"}}, "recipes": ["mine"]},
            "custom_recipes.mine.tune",
            "tune: default or full",
        ),
        (
            {"custom_recipes": {"joint": {}}},
            "custom_recipes.joint",
            "has the name of a built-in recipe",
        ),
        ({"name": "../up"}, "name", "match pattern"),
        ({1: 2}, "1", "keys that are texts"),
        ({"data": {1: 2}}, "data[1]", "keys that are texts"),
        ({"training": {"lr": float("nan")}}, "training.lr", "finite"),
        ({"data": {"taxonomy": "vqacl"}}, "data.taxonomy", "vqacl-published"),
        (
            {"data": {"dataset": "vqav2", "root": "/nowhere"}},
            "data.root",
            "/nowhere",
        ),
    ],
)
def test_each_mistake_is_named_with_its_path(raw: dict, path: str, words: str) -> None:
    found = mistakes(raw)
    assert path in found
    assert words in found[path]


def test_a_configuration_that_grows_by_powers_is_refused() -> None:
    grown: list[object] = ["x"]
    for _ in range(9):
        grown = [grown] * 9
    with pytest.raises(UserError, match="more than 100,000 values"):
        load_study({"name": grown})


def test_all_mistakes_come_in_one_message() -> None:
    found = mistakes(
        {"sedes": [1], "training": {"lr": 0, "epoch": 1}, "evaluation": {"beam": "five"}}
    )
    assert set(found) == {"sedes", "training.lr", "training.epoch", "evaluation.beam"}


def test_the_message_counts_and_says_that_nothing_was_started() -> None:
    with pytest.raises(ConfigError, match="1 mistake; nothing was started"):
        load_study({"sedes": [1]})


def test_a_custom_recipe_can_be_run() -> None:
    study = load_study({"custom_recipes": {"again": {"start": "base"}}, "recipes": ["again"]})
    assert study.custom_recipes["again"].start == "base"


def test_a_task_may_be_inferred_wherever_it_may_be_given() -> None:
    bank = {"tune": {"kind": "adapter_bank"}, "start": "stacked", "deploy": "inferred"}
    adapter = {"tune": {"kind": "adapter"}, "deploy": "inferred"}
    study = load_study({"custom_recipes": {"a": bank, "b": adapter}, "recipes": ["a", "b"]})
    assert not any(study.custom_recipes[name].answers_alone for name in ("a", "b"))
