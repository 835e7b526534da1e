"""Sharded ranks learn what whole ones learn, to the bit, and hold less."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from sharded_cases import CASES, GROUPS, IMPORTANCE, MASK, train

import tiny_llava
import tiny_model
import tiny_paligemma
import tiny_vilt
from continual_vqa.backbones.folder import write_base
from continual_vqa.backbones.tensor_file import read_tensors
from continual_vqa.cli import main
from continual_vqa.config.guards import MaskGuard
from continual_vqa.training.checkpoint import write_checkpoint
from continual_vqa.training.ranks import ALONE, Ranks
from continual_vqa.training.sharding import held_bytes, linears

TESTS = Path(__file__).parent.parent


def write_world(world: Path) -> None:
    """The bases, the cells, and what earlier stages left for guards."""
    tiny_model.base_folder(world / "t5")
    base_sha256 = write_base(world / "t5-lora", tiny_model.low_rank(fresh=True))
    teacher = tiny_model.low_rank(seed=5)
    own = teacher.low_rank()
    factors = {name: p for name, p in teacher.named_parameters() if name in own}
    about = {"recipe": {}, "stage": "", "task": "color", "step": 1}
    write_checkpoint(world / "earlier", factors, teacher, base_sha256=base_sha256, **about)
    # Layers that are computed again in the backward pass, and stored in bf16.
    write_base(world / "llava", tiny_llava.tiny(checkpointing=True, dtype="bf16"))
    write_base(world / "paligemma", tiny_paligemma.tiny(fresh=True))
    write_base(world / "vilt", tiny_vilt.low_rank(fresh=True))
    for seed, group in enumerate(GROUPS):
        tiny_model.cell(world / "cells", group=group, seed=seed)
    stage = {"task": "color", "step": 1}
    settings = json.dumps({"stage": stage, "importance": IMPORTANCE})
    cells = [f"train/color/{g}={world}/cells/train/color/{g}" for g in GROUPS]
    measure = ["importance", "--base", str(world / "t5"), "--model", "base", "--cells", *cells]
    measure += ["--settings", settings, "--device", "cpu", "--scratch", str(world / "scratch")]
    assert main([*measure, "--out", str(world / "importance")]) == 0
    choosing = json.dumps({"mask": MaskGuard.model_validate(MASK).choosing()})
    choose = ["mask", "--importance", str(world / "importance"), "--settings", choosing]
    assert main([*choose, "--out", str(world / "mask")]) == 0


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what every case wrote: one process, two whole ranks, two sharded ones."""
    world, out = tmp_path_factory.mktemp("world"), tmp_path_factory.mktemp("out")
    write_world(world)
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    script = TESTS / "training" / "sharded_cases.py"
    done = subprocess.run(
        [sys.executable, *torchrun, str(script), str(world), str(out)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Warning" not in done.stderr
    for case in CASES:
        train(world, out / case / "one", case, ALONE, sharded=False)
    return out


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return read_tensors(folder / "model.safetensors")[1]


@pytest.mark.parametrize("case", CASES)
def test_two_ranks_learn_what_one_process_learns(trained: Path, case: str) -> None:
    one, two = weights(trained / case / "one"), weights(trained / case / "whole")
    assert one.keys() == two.keys()
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=0, atol=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_sharded_ranks_learn_the_same_and_hold_less(trained: Path, case: str) -> None:
    whole, sharded = (trained / case / kind for kind in ("whole", "sharded"))
    assert (whole / "model.safetensors").read_bytes() == (
        sharded / "model.safetensors"
    ).read_bytes()
    held = [told["bytes_each"] for told in json.loads((trained / "told.json").read_text())[case]]
    assert held[1] < held[0]
    if case == "align":
        # Of weights, gradient and two moments, both moments are halved.
        count = sum(tensor.numel() for tensor in weights(whole).values())
        assert held[0] == 4 * 4 * count and held[1] == pytest.approx(3 * 4 * count, abs=8)


@pytest.mark.parametrize("number", [0, 1])
def test_a_saved_state_is_one_whether_sharded_or_not(trained: Path, number: int) -> None:
    parts = weights(trained / f"resumed-{number}")
    assert all(torch.equal(parts[n], t) for n, t in weights(trained / "align" / "whole").items())


def test_half_of_the_frozen_weights_of_the_layers_is_held_by_each(trained: Path) -> None:
    model = tiny_llava.tiny(checkpointing=True, dtype="bf16")
    frozen = [parameter for linear in linears(model) for parameter in linear.parameters()]
    spread = sum(each.numel() * each.element_size() for each in frozen)
    told = json.loads((trained / "told.json").read_text())["llava"]
    trained_bytes = sum(each.numel() * 4 for each in weights(trained / "llava/whole").values())
    assert told[0]["bytes_each"] == held_bytes(model) + 3 * trained_bytes
    saved = told[0]["bytes_each"] - told[1]["bytes_each"]
    # And half of the two moments; odd sizes are filled up.
    assert saved == pytest.approx(spread / 2 + trained_bytes, rel=0.02)


@pytest.mark.parametrize("count", [1, 7, 8])
def test_shares_of_a_vector_are_all_of_it(count: int) -> None:
    places = [Ranks(rank, 3).place(count) for rank in range(3)]
    assert [n for place in places for n in range(count)[place]] == list(range(count))
