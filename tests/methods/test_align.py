"""Signs that turned are counted and taken back, every so many steps, moments and all."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import guard_world as world
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from continual_vqa.config.guards import AlignGuard
from continual_vqa.methods.align import Align, largest
from continual_vqa.methods.guard import Alignment
from continual_vqa.methods.guards import GuardFiles
from continual_vqa.methods.parameters import FlatParameters, trained_parameters
from continual_vqa.training.inflight import InFlight, Interrupted, Request
from continual_vqa.training.loop import Loop, Pace, Segment
from continual_vqa.training.optimiser import AdamW

TINY = next(iter(world.MODELS.values()))


@dataclass
class Kept:
    """Moments that are 1 everywhere."""

    n: int
    first: Tensor = field(init=False)
    second: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.first, self.second = torch.ones(self.n), torch.ones(self.n)

    def forget(self, entries: torch.Tensor) -> None:
        self.first[entries] = 0
        self.second[entries] = 0


def turned(config: AlignGuard) -> tuple[FlatParameters, Tensor, Kept, list[Alignment]]:
    """All signs turned in one step: parameters, the starting weights, moments and the rows."""
    model = TINY(0)
    parameters = trained_parameters(model, "full")
    before = parameters.values.clone()
    guard, moments = Align(config), Kept(len(before))
    guard.before_stage(model, parameters)
    parameters.values.neg_()
    rows = list(guard.after_update(parameters, moments, config.every, last=False))
    return parameters, before, moments, rows


@pytest.mark.parametrize("reset", ["zero", "start", "none"])
def test_conflicts_become_what_reset_says_and_lose_their_moments(reset: str) -> None:
    config = AlignGuard.model_validate({"top": 0.3, "scope": "global", "reset": reset})
    parameters, before, moments, rows = turned(config)
    conflict = largest(before, 0.3) & (before != 0)
    expected = {"zero": torch.zeros_like(before), "start": before, "none": -before}[reset]
    assert torch.equal(parameters.values[conflict], expected[conflict])
    assert torch.equal(parameters.values[~conflict], -before[~conflict])
    kept = torch.ones_like(before) if reset == "none" else (~conflict).float()
    assert torch.equal(moments.first, kept)
    assert torch.equal(moments.second, kept)
    assert sum(row.conflicts for row in rows) == int(conflict.sum())
    assert sum(row.misaligned_all for row in rows) == int((before != 0).sum())
    assert {row.part for row in rows} == {"vision", "language"}
    assert all(row.reset == (reset != "none") for row in rows)


def test_each_tensor_gives_its_own_share() -> None:
    parameters, before, _, _ = turned(AlignGuard(top=0.5, reset="start"))
    for place in parameters.slices().values():
        compared = largest(before[place], 0.5)
        assert torch.equal(parameters.values[place][compared], before[place][compared])


def test_it_acts_every_so_many_steps_and_at_the_end() -> None:
    model = TINY(0)
    parameters = trained_parameters(model, "full")
    guard, moments = Align(AlignGuard(every=3)), Kept(len(parameters.values))
    guard.before_stage(model, parameters)
    acted = [
        bool(guard.after_update(parameters, moments, step, last=step == 7)) for step in range(1, 8)
    ]
    assert acted == [False, False, True, False, False, True, True]


@given(
    st.lists(st.integers(-3, 3), min_size=1, max_size=30), st.floats(0, 1, allow_subnormal=False)
)
def test_the_largest_are_as_many_as_asked_and_of_equals_the_first(
    numbers: list[int], share: float
) -> None:
    values = torch.tensor(numbers, dtype=torch.float32)
    chosen = largest(values, share).numpy()
    order = np.argsort(-np.abs(numbers), kind="stable")[: round(share * len(numbers))]
    assert sorted(np.flatnonzero(chosen)) == sorted(order)


def test_the_log_survives_an_interruption(tmp_path: Path) -> None:
    def run(folder: Path, stop_after: int = 0) -> tuple[list[Alignment], Tensor]:
        model = TINY(0)
        parameters, guards = world.guarded(model, [AlignGuard(every=3, top=1)], GuardFiles())
        inflight = InFlight(folder / "scratch", "key", 1e9, Request(), stop_after)
        loop = Loop(model, parameters, Pace(1, 5, 0.1, AdamW(3e-2)), guards, inflight, "test")
        loop.run([Segment(str(n), world.Questions(model, 10 * n, 8), n) for n in range(2)])
        return loop.alignment, parameters.values

    whole, weights = run(tmp_path / "whole")
    with pytest.raises(Interrupted):
        run(tmp_path / "parts", stop_after=3)
    resumed, continued = run(tmp_path / "parts")
    assert [row.step for row in whole[::2]] == [3, 4]
    assert sum(row.conflicts for row in whole) > 0
    assert resumed == whole
    assert torch.equal(weights, continued)
