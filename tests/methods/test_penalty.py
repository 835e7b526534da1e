from __future__ import annotations

import json
from pathlib import Path

import guard_world as world
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import families
from continual_vqa.config.guards import PenaltyGuard
from continual_vqa.config.importance import ImportanceConfig
from continual_vqa.errors import UserError
from continual_vqa.methods.guards import GuardFiles
from continual_vqa.methods.penalty import accumulated
from continual_vqa.training.optimiser import AdamW

TINY = next(iter(world.MODELS.values()))
RULES = ("sum", "mean", "max", "decay")


@pytest.mark.parametrize("name", world.MODELS)
def test_its_gradient_is_that_of_the_formula(tmp_path: Path, name: str) -> None:
    model = world.MODELS[name](0)
    config = PenaltyGuard(strength=7.0)
    parameters, guards = world.guarded(
        model, [config], world.files_for(tmp_path, model, [config], steps=2)
    )
    start = {n: p.detach().clone() for n, p in model.named_parameters()}
    parameters.values += torch.randn(len(parameters.values))
    sums = [
        world.read_sums(tmp_path / f"importance-0-{step}.safetensors", parameters)
        for step in (1, 2)
    ]
    batch = families.batch(model, torch.arange(4).numpy())
    loss = model.losses(batch).sum()
    for tensor, parameter in model.named_parameters():
        if parameter.requires_grad:
            importance = sum(each[tensor] / 4 for each in sums)
            loss = loss + 7.0 / 2 * (importance * (parameter - start[tensor]).square()).sum()
    loss.backward()
    expected = parameters.gradient.clone()
    parameters.gradient.zero_()
    model.losses(batch).sum().backward()
    for guard in guards:
        guard.after_backward(parameters)
    torch.testing.assert_close(parameters.gradient, expected, rtol=1e-4, atol=1e-5)


def test_the_loss_is_the_tasks_alone(tmp_path: Path) -> None:
    model, plain = TINY(0), TINY(0)
    config = PenaltyGuard(strength=1e6)
    parameters, guards = world.guarded(model, [config], world.files_for(tmp_path, model, [config]))
    others, _ = world.guarded(plain, [], GuardFiles())
    losses = world.train(model, parameters, guards, tmp_path)
    assert losses[0] == world.train(plain, others, (), tmp_path)[0]


def test_a_huge_strength_keeps_the_weights_near(tmp_path: Path) -> None:
    moved = {}
    for strength in (0.0, 1e8):
        model = TINY(0)
        config = PenaltyGuard(strength=strength)
        files = world.files_for(tmp_path, model, [config])
        parameters, guards = world.guarded(model, [config], files)
        before = parameters.values.clone()
        # Adam's first step ignores every scale: the pull back shows from the second on.
        adamw = AdamW(1e-3, weight_decay=0.0)
        world.train(model, parameters, guards, tmp_path, adamw=adamw, segments=4)
        moved[strength] = (parameters.values - before).norm()
    assert moved[1e8] < 0.8 * moved[0.0]


@given(
    means=st.lists(st.lists(st.floats(0, 100), min_size=3, max_size=3), min_size=1, max_size=5),
    decay=st.floats(0, 1),
)
def test_accumulation(means: list[list[float]], decay: float) -> None:
    rows = torch.tensor(means, dtype=torch.float64)
    found = {
        rule: accumulated(rows.clone().unbind(), PenaltyGuard(accumulate=rule, decay=decay))
        for rule in RULES
    }
    online = torch.zeros(3, dtype=torch.float64)
    for row in rows:
        online = decay * online + row
    torch.testing.assert_close(found["sum"], rows.sum(0))
    torch.testing.assert_close(found["mean"], rows.mean(0))
    torch.testing.assert_close(found["max"], rows.amax(0))
    torch.testing.assert_close(found["decay"], online)


def test_files_are_told_apart_by_their_headers(tmp_path: Path) -> None:
    model = TINY(0)
    parameters, _ = world.guarded(model, [], GuardFiles())
    mas = ImportanceConfig(kind="mas")
    config = PenaltyGuard(accumulate="decay", decay=0.5, strength=1.0, importance=mas)
    made = [
        world.write_importance(
            tmp_path / f"{name}.safetensors", model, parameters, step=step, seed=step, config=kind
        )
        for name, step, kind in (("x", 2, mas), ("y", 1, mas), ("z", 1, ImportanceConfig()))
    ]
    parameters, (guard,) = world.guarded(model, [config], GuardFiles((), made))
    parameters.values += 1
    guard.after_backward(parameters)
    one, two = (world.read_sums(path, parameters) for path in (made[1], made[0]))
    for name, place in parameters.slices().items():
        expected = (0.5 * one[name] / 4 + two[name] / 4).flatten()
        torch.testing.assert_close(parameters.gradient[place], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": "other"}, "has format 'other'"),
        ({"base_sha256": "c" * 64}, "cccccccccccc.*bbbbbbbbbbbb"),
        ({"world": "2", "rank": "0"}, "share of rank 0.*importance-merge"),
        ({"count": "0"}, "count is '0'"),
        ({"count": "many"}, "count is 'many'"),
        ({"settings": "{}}"}, "Extra data"),
        ({"settings": '{"kind": "mas"}'}, 'none of 1 files was measured with .*"kind":"fisher"'),
    ],
)
def test_files_that_do_not_fit_are_refused(tmp_path: Path, changes: dict, words: str) -> None:
    model = TINY(0)
    parameters, _ = world.guarded(model, [], GuardFiles())
    path = world.write_importance(tmp_path / "i.safetensors", model, parameters, **changes)
    with pytest.raises(UserError, match=words):
        world.guarded(model, [PenaltyGuard()], GuardFiles((), [path]))


def test_two_files_of_one_step_are_refused(tmp_path: Path) -> None:
    model = TINY(0)
    parameters, _ = world.guarded(model, [], GuardFiles())
    paths = [
        world.write_importance(tmp_path / f"{name}.safetensors", model, parameters)
        for name in ("one", "two")
    ]
    with pytest.raises(UserError, match=r"two\.safetensors: .*step 1.*one\.safetensors"):
        world.guarded(model, [PenaltyGuard()], GuardFiles((), paths))


def test_importances_of_other_tensors_or_infinite_are_refused(tmp_path: Path) -> None:
    from continual_vqa.backbones.tensor_file import read_tensors, write_tensors

    model = TINY(0)
    parameters, _ = world.guarded(model, [], GuardFiles())
    path = world.write_importance(tmp_path / "i.safetensors", model, parameters)
    metadata, tensors = read_tensors(path)
    tensors["text.shared.weight"][0, 0] = torch.inf
    write_tensors(path, tensors, metadata)
    with pytest.raises(UserError, match="such values in all"):
        world.guarded(model, [PenaltyGuard()], GuardFiles((), [path]))
    del tensors["text.shared.weight"]
    parts = json.loads(metadata["parts"])
    del parts["text.shared.weight"]
    metadata["parts"] = json.dumps(parts)
    write_tensors(path, tensors, metadata)
    with pytest.raises(UserError, match=r"text\.shared\.weight missing"):
        world.guarded(model, [PenaltyGuard()], GuardFiles((), [path]))
