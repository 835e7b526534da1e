"""A study whose methods replay runs the whole way; they share memories and stored logits."""

from __future__ import annotations

import subprocess

import pytest
import yaml

from continual_vqa.config.load import load_study
from continual_vqa.files.tensors import ArrayFile, read_header
from continual_vqa.plan.study_plan import Plan

from .conftest import Checkout

# One of them guards as well, and none of the table does: it is composed in the config alone.
COMPOSED = {"guards": [{"kind": "mask"}], "replay": {"kind": "questions"}}


@pytest.fixture(scope="module")
def replayed(finished: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The tiny study on two skills, with every kind of replay."""
    root = tmp_path_factory.mktemp("replayed") / "study"
    subprocess.run(["cp", "-a", str(finished.root), str(root)], check=True)
    study = Checkout(root, root / "config" / "tiny.yaml")
    raw = yaml.safe_load(study.config.read_text())
    raw["stream"] |= {"skills": ["location", "count"], "held_out": ["none"]}
    raw |= {
        "recipes": ["er", "der", "der_pp", "quad", "quad_aim"],
        "custom_recipes": {"quad_aim": COMPOSED},
        "replay": {"size": 6},
    }
    study.config.write_text(yaml.safe_dump(raw))
    study.snakemake()
    return study


def test_one_memory_and_one_file_of_logits_serve_all(replayed: Checkout) -> None:
    folder = replayed.results()
    (_,) = folder.glob("memory/seed-0/*.parquet")
    (logits,) = folder.glob("consolidation/seed-0/*/logits-*.safetensors")
    metadata, infos = read_header(logits)
    assert metadata["format"] == "continual-vqa logits 1"
    assert infos["numbers"].shape == (6,)
    assert "location" in logits.parent.name
    made = Plan(load_study(yaml.safe_load(replayed.config.read_text())))
    # The first task is trained once, the second by every method.
    assert sorted(stage.step for stage in made.stages.values()) == [1, 2, 2, 2, 2, 2]
    # By the weights alone, since headers name the recipe: every method learned something else.
    learned = {
        b"".join(weights[name].tobytes() for name in weights.infos)
        for stage in made.stages.values()
        if stage.step == 2
        for weights in [ArrayFile(replayed.root / stage.path(made.paths))]
    }
    assert len(learned) == 5
    assert replayed.pending() == []


def test_a_setting_of_one_kind_of_replay_runs_that_kind_alone(replayed: Checkout) -> None:
    kept = replayed.config.read_text()
    raw = yaml.safe_load(kept)
    raw["replay"] |= {"logits": 5}
    replayed.config.write_text(yaml.safe_dump(raw))
    try:
        pending = replayed.pending_rules()
    finally:
        replayed.config.write_text(kept)
    assert (pending["memory"], pending["logits"], pending["train"]) == (0, 1, 2)


def test_a_herded_memory_is_chosen_from_orders_of_its_cells(replayed: Checkout) -> None:
    kept = replayed.config.read_text()
    raw = yaml.safe_load(kept) | {"recipes": ["er"]}
    raw["replay"] |= {"choice": "herding"}
    replayed.config.write_text(yaml.safe_dump(raw))
    (memory,) = replayed.results().glob("memory/seed-0/*.parquet")
    before = memory.read_bytes()
    try:
        pending = replayed.pending_rules()
        # The cells of the first task alone.
        assert (pending["herd"], pending["memory"], pending["train"]) == (2, 1, 1)
        replayed.snakemake()
        assert memory.read_bytes() != before
        assert replayed.pending() == []
    finally:
        replayed.config.write_text(kept)
