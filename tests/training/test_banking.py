"""A bank over four tasks: what a task answers never changes, and what each stage may change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import families
import tiny_model
from continual_vqa.backbones.tensor_file import read_tensors
from continual_vqa.errors import UserError
from continual_vqa.methods.guards import GuardFiles
from continual_vqa.training.inflight import Interrupted
from continual_vqa.training.loading import load_model
from continual_vqa.training.settings import TrainSettings
from continual_vqa.training.stage import StageFiles, train_stage

CPU = torch.device("cpu")
TRAINING = {"epochs": 1, "batch_size": 8, "lr": 1e-2}
TUNE = {"kind": "adapter_bank", "width": 4, "heads": 2}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    tiny_model.base_folder(folder / "base")
    tiny_model.cells(folder / "cells", count=16)
    return folder


def train(
    world: Path,
    out: Path,
    step: int,
    phase: str = "expansion",
    *,
    start: Path | None = None,
    stack: list[Path] | None = None,
    tune: dict[str, object] = TUNE,
    stop_after: int = 0,
) -> Path:
    recipe = {"tune": tune, "start": "stacked", "deploy": "own"}
    stage = {"task": "color", "step": step, "seed": step, "phase": phase, "recipe": recipe}
    settings = TrainSettings.model_validate({"stage": stage, "training": TRAINING})
    cells = {f"train/color/{g}": world / "cells" / "train" / "color" / g for g in ("G2", "G1")}
    model = out / f"{step}-{phase}.safetensors"
    files = StageFiles(
        world / "base",
        start,
        cells,
        out / "scratch",
        model,
        out / "curve",
        GuardFiles(stack=tuple(stack or ())),
    )
    train_stage(files, settings, CPU, stop_after=stop_after)
    return model


def learn(world: Path, out: Path, tasks: int) -> list[Path]:
    """The last checkpoint of each task."""
    learned = [train(world, out, 1)]
    for step in range(2, tasks + 1):
        asked = train(world, out, step, "experience", stack=learned)
        learned = [*learned, train(world, out, step, start=asked, stack=learned)]
    return learned


@pytest.fixture(scope="module")
def learned(world: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return learn(world, tmp_path_factory.mktemp("stages"), 4)


def answered(world: Path, model: Path, stack: list[Path]) -> tuple[torch.Tensor, torch.Tensor]:
    loaded, _, _ = load_model(world / "base", model, CPU, stack=stack)
    batch = families.batch(loaded.eval(), np.arange(6))
    return loaded.logits(batch).detach(), loaded.generate(batch, beams=2, length=3)[0]


@pytest.mark.parametrize("task", [1, 2, 3])
def test_a_task_answers_the_same_bit_by_bit_whatever_is_learned_later(
    world: Path, learned: list[Path], task: int
) -> None:
    model = learned[task - 1]
    before = answered(world, model, learned[: task - 1])
    after = answered(world, model, [path for path in learned if path != model])
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    others = answered(world, learned[3], learned[:3])
    assert not torch.equal(before[0], others[0])


def test_a_checkpoint_holds_what_is_the_tasks_own(learned: list[Path]) -> None:
    for step, path in enumerate(learned, start=1):
        names = {name.split(".", 2)[2] for name in read_tensors(path)[1]}
        layers = {
            f"adapters.{step}.{n}" for n in ("down.weight", "down.bias", "up.weight", "up.bias")
        }
        queries = {f"queries.{step}-{earlier}" for earlier in range(1, step + 1)}
        assert names == layers | {f"keys.{step}"} | queries


def test_each_phase_trains_what_is_its_own(world: Path, learned: list[Path]) -> None:
    header, asked = read_tensors(learned[1].parent / "3-experience.safetensors")
    assert header["step"] == "3"
    assert {name.rpartition(".")[2] for name in asked} == {"3-1", "3-2"}
    _, grown = read_tensors(learned[2])
    assert all(torch.equal(grown[name], tensor) for name, tensor in asked.items())
    # Queries that were drawn for the first phase and trained in it.
    fresh, _, _ = load_model(world / "base", learned[2], CPU, stack=learned[:2])
    own = dict(fresh.named_parameters())
    for path in learned[:2]:
        kept = {n: t for n, t in read_tensors(path)[1].items() if ".queries." not in n}
        assert kept and all(torch.equal(own[name], tensor) for name, tensor in kept.items())


def test_the_experience_phase_moves_the_queries_a_hundredfold(
    world: Path, learned: list[Path], tmp_path: Path
) -> None:
    def moved(factor: float) -> float:
        tune = {**TUNE, "query_lr": factor, "orthogonality": 0}
        out = tmp_path / str(factor)
        path = train(world, out, 2, "experience", stack=learned[:1], tune=tune)
        still = {**tune, "query_lr": 1e-12}
        begin = train(world, out / "begin", 2, "experience", stack=learned[:1], tune=still)
        pairs = zip(read_tensors(path)[1].values(), read_tensors(begin)[1].values(), strict=True)
        return sum((a - b).norm().item() for a, b in pairs)

    assert moved(1.0) > 0
    assert 20 < moved(100.0) / moved(1.0) < 200


def test_the_same_seed_gives_the_same_bytes_also_when_resumed(
    world: Path, learned: list[Path], tmp_path: Path
) -> None:
    start, stack = learned[1].parent / "2-experience.safetensors", learned[:1]
    with pytest.raises(Interrupted):
        train(world, tmp_path, 2, start=start, stack=stack, stop_after=3)
    again = train(world, tmp_path, 2, start=start, stack=stack)
    assert again.read_bytes() == learned[1].read_bytes()


@pytest.mark.parametrize("phase", ["experience", "expansion"])
def test_either_phase_works_alone(
    world: Path, learned: list[Path], tmp_path: Path, phase: str
) -> None:
    model = train(world, tmp_path, 2, phase, stack=learned[:1])
    queries = {n.rpartition(".")[2] for n in read_tensors(model)[1] if ".queries." in n}
    assert queries == ({"2-1"} if phase == "experience" else {"2-1", "2-2"})
    assert answered(world, model, learned[:1])[0].isfinite().all()


def test_what_lies_below_has_to_be_given(world: Path, learned: list[Path]) -> None:
    with pytest.raises(UserError, match="adapters of tasks 1, 3") as caught:
        load_model(world / "base", learned[3], CPU, stack=[learned[1]])
    assert "4-expansion" in str(caught.value)


def test_the_second_phase_has_the_adapters_of_the_first(
    world: Path, learned: list[Path], tmp_path: Path
) -> None:
    start = learned[1].parent / "3-experience.safetensors"
    with pytest.raises(UserError, match="adapters of 2 tasks, those of 3 are given"):
        train(world, tmp_path, 3, start=start, stack=[*learned[:2], learned[3]])
    with pytest.raises(UserError, match="ask for the adapters of tasks 2"):
        train(world, tmp_path, 3, start=start, stack=learned[:1])


def test_a_stage_starts_from_its_own_first_phase(
    world: Path, learned: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="is of task 1, with its adapter") as caught:
        train(world, tmp_path, 2, start=learned[0])
    assert "--stack" in str(caught.value)
    with pytest.raises(UserError, match="is of task 2, with its adapter"):
        train(world, tmp_path, 2, start=learned[1], stack=learned[:1])
    asked = learned[1].parent / "2-experience.safetensors"
    with pytest.raises(UserError, match="is of task 2"):
        train(world, tmp_path, 3, start=asked, stack=learned[:1])


def test_a_task_is_given_once(world: Path, learned: list[Path]) -> None:
    with pytest.raises(UserError, match="holds the adapter of task 1, as"):
        load_model(world / "base", learned[1], CPU, stack=[learned[0], learned[0]])


def test_a_bank_is_of_one_width(world: Path, learned: list[Path], tmp_path: Path) -> None:
    other = train(world, tmp_path, 1, tune={**TUNE, "width": 3})
    with pytest.raises(UserError, match="is no part of this bank") as caught:
        load_model(world / "base", learned[1], CPU, stack=[other])
    assert "width 4" in str(caught.value)


def test_a_single_adapter_goes_on_from_task_to_task(world: Path, tmp_path: Path) -> None:
    tune = {"kind": "adapter", "width": 4}
    first = train(world, tmp_path / "one", 1, tune=tune)
    second = train(world, tmp_path / "two", 2, tune=tune, start=first)
    before, after = read_tensors(first)[1], read_tensors(second)[1]
    assert before.keys() == after.keys() and all(name.startswith("bank.") for name in before)
    assert not any(torch.equal(before[name], after[name]) for name in before)
    assert answered(world, second, [])[0].isfinite().all()
