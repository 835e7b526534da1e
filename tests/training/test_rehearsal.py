"""The kinds of replay: what a batch of the memory holds, and stages that are trained with it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from continual_vqa.backbones.tensor_file import raw_bytes, read_tensors
from continual_vqa.config.shards import ShardsConfig
from continual_vqa.errors import UserError
from continual_vqa.methods.guards import GuardFiles
from continual_vqa.methods.stored import distance
from continual_vqa.training.examples import Examples
from continual_vqa.training.inflight import Interrupted
from continual_vqa.training.loading import load_model
from continual_vqa.training.rehearsal import PastQuestions, Remembering
from continual_vqa.training.settings import TrainSettings
from continual_vqa.training.stage import StageFiles, train_stage
from continual_vqa.training.stored_logits import (
    LogitsFiles,
    LogitsSettings,
    StoredLogits,
    fixed_answers,
    store_logits,
)
from training import memory_world
from training.memory_world import KEPT, TRAINING, cells, make, memory

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make(tmp_path_factory.mktemp("world"))
    memory(folder, folder / "memory.parquet", KEPT)
    store(folder, folder / "logits.safetensors")
    return folder


def store(world: Path, out: Path, top: int = 0, kept: Path | None = None) -> None:
    files = LogitsFiles(
        world / "base",
        None,
        (),
        kept or world / "memory.parquet",
        cells(world, "count"),
        out,
    )
    settings = LogitsSettings.model_validate(
        {"stage": {"task": "count"}, "top": top, "training": TRAINING}
    )
    store_logits(files, settings, CPU)


def examples(world: Path, cell: str, only: list[int] | None = None) -> Examples:
    model, _, _ = load_model(world / "base", None, CPU)
    return Examples(
        [world / "cells" / cell],
        model,
        fixed_answers(TRAINING),
        ShardsConfig(),
        sees="image_and_question",
        workers=0,
        only=only,
    )


@pytest.mark.parametrize("top", [0, 4])
def test_stored_logits_are_those_of_the_model(world: Path, tmp_path: Path, top: int) -> None:
    store(world, tmp_path / "logits.safetensors", top)
    model, base_sha256, _ = load_model(world / "base", None, CPU)
    stored = StoredLogits([tmp_path / "logits.safetensors"], cells(world, "count"), base_sha256)
    keys = [("train/count/G1", number) for number in KEPT["train/count/G1"]]
    source = examples(world, "train/count/G1", KEPT["train/count/G1"])
    rows = stored.of(keys, world / "memory.parquet")
    found = Remembering(source, rows).stream([np.array([2, 0])], np.zeros(3))
    batch, weights = next(found)
    assert batch.replayed and batch.stored is not None and len(weights) == 2
    assert batch.stored.shape[-1] == (top or model.words.size)
    assert (batch.stored_ids is None) == (top == 0)
    own = model.logits(batch)
    torch.testing.assert_close(distance(own, batch), torch.zeros(2), atol=1e-10, rtol=0)
    changed = own + torch.arange(own.shape[-1])  # by its place in the vocabulary
    entries = torch.arange(own.shape[-1]).float()
    real = model.real(batch.answers)
    for row in range(2):
        ids = batch.stored_ids[row][real[row]] if top else None
        shifts = entries[ids] if ids is not None else entries.expand(int(real[row].sum()), -1)
        expected = shifts.square().mean()
        torch.testing.assert_close(distance(changed, batch)[row], expected)


def test_logits_of_other_questions_or_cells_are_refused(world: Path, tmp_path: Path) -> None:
    _, base_sha256, _ = load_model(world / "base", None, CPU)
    path = world / "logits.safetensors"
    stored = StoredLogits([path], cells(world, "count"), base_sha256)
    with pytest.raises(UserError, match=r"1 of 2 kept questions have no stored logits.*number 0"):
        stored.of([("train/count/G2", 5), ("train/count/G2", 0)], path)
    with pytest.raises(UserError, match="another base"):
        StoredLogits([path], cells(world, "count"), "0" * 64)
    others = dict.fromkeys(cells(world, "count"), world / "cells" / "train/color/G1")
    with pytest.raises(UserError, match="is not the one that they were stored of"):
        StoredLogits([path], others, base_sha256)
    memory(world, tmp_path / "memory.parquet", {"train/color/G1": [0]})
    with pytest.raises(UserError, match="keeps no question of the given cells"):
        store(world, tmp_path / "out", kept=tmp_path / "memory.parquet")


def test_past_questions_see_images_of_the_segment(world: Path) -> None:
    past = examples(world, "train/count/G1", KEPT["train/count/G1"])
    own = examples(world, "train/color/G1")
    teacher, _, _ = load_model(world / "base", None, CPU)
    source = PastQuestions(past, own, teacher)
    assert len(source) == 3
    uniforms = np.array([0.0, 0.5, 0.99])
    (batch, weights) = next(source.stream([np.array([0, 2, 1])], uniforms))
    places = [0, int(0.99 * len(own)), int(0.5 * len(own))]
    (images, _) = next(own.stream([np.array(places)], np.zeros(len(own))))
    asked, _ = next(past.stream([np.array([0, 2, 1])], np.zeros(3)))
    assert batch.replayed and weights.tolist() == [1.0, 1.0, 1.0]
    assert torch.equal(batch.visual, images.visual)
    assert torch.equal(batch.questions, asked.questions)
    ids, _ = teacher.generate(batch, beams=1, length=10)
    assert batch.answers is not None
    assert teacher.words.decode(ids.tolist()) == teacher.words.decode(batch.answers.tolist())


def test_an_image_shows_what_the_question_is_about(world: Path) -> None:
    class Filed:
        def __init__(self, concepts: list[str]) -> None:
            self.concepts = concepts

        def __len__(self) -> int:
            return len(self.concepts)

    teacher, _, _ = load_model(world / "base", None, CPU)
    past, own = Filed(["dog", "sea", "cat"]), Filed(["cat", "dog", "bus", "dog"])
    source = PastQuestions(past, own, teacher)  # type: ignore[arg-type]
    draws = np.linspace(0, 1, 50, endpoint=False)
    seen = [{source._partner(number, draw) for draw in draws} for number in range(3)]
    assert seen == [{1, 3}, {0, 1, 2, 3}, {0}]


def train(world: Path, out: Path, replay: object, **options: Any) -> Path:
    return memory_world.train(
        world,
        out,
        replay,
        guards=GuardFiles(teacher=world / "teacher.safetensors"),
        memory=world / "memory.parquet",
        memory_cells=cells(world, "count"),
        logits=[world / "logits.safetensors"],
        **options,
    )


def weights(path: Path) -> dict[str, bytes]:
    """Without the header, which names the recipe."""
    return {name: bytes(raw_bytes(tensor)) for name, tensor in read_tensors(path)[1].items()}


@pytest.fixture(scope="module")
def taught(world: Path) -> Path:
    """With a model before the stage."""
    stage = {"task": "count", "step": 1, "seed": 3}
    place = StageFiles(
        world / "base",
        None,
        cells(world, "count"),
        world / "scratch",
        world / "teacher.safetensors",
        world / "curve",
    )
    settings = TrainSettings.model_validate({"stage": stage, "training": TRAINING})
    train_stage(place, settings, CPU)
    return world


KINDS = {
    "examples": "examples",
    "der": {"kind": "logits"},
    "der_pp": {"kind": "logits", "beta": 0.5},
    "vs": {"kind": "features"},
    "quad": {"kind": "questions"},
    "quad without attention": {"kind": "questions", "attention": 0},
}


def test_every_kind_of_replay_learns_something_else(taught: Path, tmp_path: Path) -> None:
    made = [
        weights(train(taught, tmp_path / str(number), replay))
        for number, replay in enumerate(KINDS.values())
    ]
    assert not any(one == other for one, other in itertools.combinations(made, 2))


@pytest.mark.parametrize("kind", ["der_pp", "quad"])
@pytest.mark.parametrize("stop_after", [1, 6])
def test_a_stage_resumes_bit_equal(
    taught: Path, tmp_path: Path, kind: str, stop_after: int
) -> None:
    whole = train(taught, tmp_path / "whole", KINDS[kind])
    with pytest.raises(Interrupted):
        train(taught, tmp_path / "cut", KINDS[kind], stop_after=stop_after)
    assert train(taught, tmp_path / "cut", KINDS[kind]).read_bytes() == whole.read_bytes()


def test_without_the_logits_der_is_replay_of_examples(taught: Path, tmp_path: Path) -> None:
    """Where every question has one answer; and with neither term the memory teaches nothing."""
    fixed = {"training": fixed_answers(TRAINING)}
    examples = weights(train(taught, tmp_path / "a", "examples", **fixed))
    kind = {"kind": "logits", "alpha": 0.0}
    assert weights(train(taught, tmp_path / "b", {**kind, "beta": 1.0}, **fixed)) == examples
    assert weights(train(taught, tmp_path / "c", {**kind, "beta": 0.0}, **fixed)) != examples


def test_a_missing_teacher_is_named(taught: Path, tmp_path: Path) -> None:
    files = {"memory": taught / "memory.parquet", "memory_cells": cells(taught, "count")}
    replay = {"kind": "questions", "attention": 0}
    with pytest.raises(UserError, match="--teacher: no model to answer past questions"):
        memory_world.train(taught, tmp_path / "x", replay, **files)
