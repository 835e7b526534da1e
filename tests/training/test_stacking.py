"""Stacked low-rank updates against a dense model with the sums of the same updates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import families
import tiny_llava
import tiny_model
from continual_vqa.backbones.base import Backbone
from continual_vqa.backbones.folder import read_base, write_base
from continual_vqa.backbones.lora_layer import is_factor
from continual_vqa.backbones.tensor_file import read_tensors
from continual_vqa.errors import UserError
from continual_vqa.methods.parameters import trained_names
from continual_vqa.training.banking import Growth
from continual_vqa.training.checkpoint import write_checkpoint
from continual_vqa.training.loading import Fresh, load_model

CPU = torch.device("cpu")
THREE = np.arange(3)
SCALING = 4 / 3  # alpha / rank of the tiny model


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world") / "base"
    write_base(folder, tiny_model.low_rank(fresh=True))
    return folder


def fresh(seed: int | None) -> Fresh | None:
    return None if seed is None else Fresh("lora", seed, Growth(2, "expansion", 0))


def stage(
    base: Path, path: Path, seed: int, tune: str = "lora", skip: str = "", below: int = 0
) -> Path:
    """A checkpoint of random tensors, small ones, trained on the updates of `below` others."""
    model, base_sha256 = read_base(base)
    generator = torch.Generator().manual_seed(seed)
    shapes = {n: p.shape for n, p in model.named_parameters()}
    names = [n for n in trained_names(model, tune) if not skip or skip not in n]
    drawn = {n: torch.randn(shapes[n], generator=generator) * 0.1 for n in names}
    recipe = {"start": "stacked"} if below else {}
    about = {"recipe": recipe, "stage": f"seed-0/{seed}", "task": "color", "step": below + 1}
    write_checkpoint(path, drawn, model, base_sha256=base_sha256, **about)
    return path


@pytest.fixture
def stages(base: Path, tmp_path: Path) -> list[Path]:
    return [stage(base, tmp_path / f"{n}.safetensors", n) for n in range(3)]


def tensors(path: Path, base: Path) -> dict[str, Tensor]:
    model, _, _ = load_model(base, path, CPU)
    own = dict(model.named_parameters())
    return {name: own[name].detach() for name in model.low_rank()}


def dense(base: Path, updates: list[dict[str, Tensor]], visual: dict[str, Tensor]) -> Backbone:
    """The base with the sums of updates, each multiplied out; its factors are fresh."""
    model, _ = read_base(base)
    own = dict(model.named_parameters())
    with torch.no_grad():
        for update in updates:
            for name in filter(lambda name: ".lora_A." in name, update):
                a, b = update[name], update[name.replace(".lora_A.", ".lora_B.")]
                own[name.replace("lora_A.default", "base_layer")].add_(SCALING * b @ a)
        for name in (name for name in visual if not is_factor(name)):
            own[name].copy_(visual[name])
    return model.eval()


@pytest.mark.parametrize("count", [1, 3])
def test_a_stack_is_the_sum_of_its_updates(base: Path, stages: list[Path], count: int) -> None:
    content = [tensors(path, base) for path in stages[:count]]
    expected = dense(base, content, content[-1])
    model, _, header = load_model(base, None, CPU, stack=stages[:count], fresh=fresh(7))
    batch = families.batch(model, THREE)
    assert header == {}
    torch.testing.assert_close(model.eval().logits(batch), expected.logits(batch))
    plain = read_base(base)[0].eval()
    assert not torch.allclose(plain.logits(batch), expected.logits(batch), atol=1e-3)


def test_the_stage_on_top_brings_its_own_factors(
    base: Path, stages: list[Path], tmp_path: Path
) -> None:
    top = stage(base, tmp_path / "top.safetensors", 9, below=2)
    content = [*(tensors(path, base) for path in stages[:2]), read_tensors(top)[1]]
    model, _, header = load_model(base, top, CPU, stack=stages[:2])
    assert header["stage"] == "seed-0/9"
    own = dict(model.named_parameters())
    assert all(torch.equal(own[name], tensor) for name, tensor in content[2].items())
    batch = families.batch(model, THREE)
    expected = dense(base, content, content[2])
    torch.testing.assert_close(model.eval().logits(batch), expected.logits(batch))


def test_nothing_stacked_changes_nothing(base: Path) -> None:
    plain, _ = read_base(base)
    for seed in (None, 7):
        model, _, _ = load_model(base, None, CPU, fresh=fresh(seed))
        batch = families.batch(model, THREE)
        assert torch.equal(model.eval().logits(batch), plain.eval().logits(batch))


def test_fresh_factors_are_a_function_of_the_seed(base: Path, stages: list[Path]) -> None:
    def drawn(seed: int | None) -> dict[str, Tensor]:
        model, _, _ = load_model(base, None, CPU, stack=stages[:1], fresh=fresh(seed))
        return {name: p for name, p in model.named_parameters() if is_factor(name)}

    one, same, other, own = (drawn(seed) for seed in (1, 1, 2, None))
    base_factors = {n: p for n, p in read_base(base)[0].named_parameters() if is_factor(n)}
    for name in one:
        assert torch.equal(one[name], same[name]) and torch.equal(own[name], base_factors[name])
        assert torch.equal(one[name], other[name]) == (".lora_B." in name)
        assert bool(one[name].any()) == (".lora_A." in name)


def test_llavas_frozen_weights_are_stacked_on_too(tmp_path: Path) -> None:
    base = tmp_path / "base"
    write_base(base, tiny_llava.tiny(fresh=True, dtype="bf16"))
    path = stage(base, tmp_path / "one.safetensors", 1)
    alone, _, _ = load_model(base, path, CPU)
    model, _, _ = load_model(base, None, CPU, stack=[path], fresh=fresh(3))
    batch = families.batch(model, THREE)
    expected, found = alone.eval().logits(batch), model.eval().logits(batch)
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.05)
    assert not torch.allclose(read_base(base)[0].eval().logits(batch), expected, atol=0.2)


@pytest.mark.parametrize("given", [0, 1, 3])
def test_a_stage_is_not_read_without_what_lies_below(
    base: Path, stages: list[Path], tmp_path: Path, given: int
) -> None:
    top = stage(base, tmp_path / "top.safetensors", 9, below=2)
    with pytest.raises(UserError, match=f"those of 2 earlier stages, {given} are given"):
        load_model(base, top, CPU, stack=stages[:given])


def test_nothing_lies_below_other_stages(base: Path, stages: list[Path]) -> None:
    with pytest.raises(UserError, match="those of 0 earlier stages, 1 are given"):
        load_model(base, stages[1], CPU, stack=stages[:1])


def refused(base: Path, *stack: Path, start: Path | None = None) -> str:
    with pytest.raises(UserError) as caught:
        load_model(base, start, CPU, stack=stack, fresh=fresh(0))
    return str(caught.value)


def test_what_does_not_belong_is_named(base: Path, tmp_path: Path, stages: list[Path]) -> None:
    write_base(tmp_path / "other", tiny_model.low_rank(1, fresh=True))
    foreign = stage(tmp_path / "other", tmp_path / "foreign.safetensors", 1)
    found = refused(base, stages[0], foreign)
    assert "foreign.safetensors" in found and "was trained from base" in found
    full = stage(base, tmp_path / "full.safetensors", 1, tune="full")
    found = refused(base, full)
    assert "full.safetensors" in found and "base_layer.weight" in found
    assert "full.safetensors" in refused(base, stages[0], start=full)
    partial = stage(base, tmp_path / "partial.safetensors", 1, skip="encoder.block.0")
    found = refused(base, partial)
    assert "missing tensors" in found and "block.0" in found


def test_a_base_that_cannot_be_stacked_on_is_refused(tmp_path: Path) -> None:
    write_base(tmp_path / "plain", tiny_model.tiny())
    assert "backbone.lora.rank of 1 or more" in refused(tmp_path / "plain", tmp_path / "absent")
    write_base(tmp_path / "trained", tiny_model.low_rank())
    assert "trained already" in refused(tmp_path / "trained", tmp_path / "absent")
