from __future__ import annotations

from pathlib import Path

import guard_world as world
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from continual_vqa.config.guards import MaskGuard, PartShares
from continual_vqa.errors import UserError
from continual_vqa.methods.guards import GuardFiles
from continual_vqa.methods.importances import mean_gradient, measured

TINY = next(iter(world.MODELS.values()))


@settings(max_examples=20)
@given(share=st.floats(0.01, 1), strength=st.sampled_from([0.0, 0.5, 1.0]), seed=st.integers(0, 9))
def test_exactly_the_rising_component_is_taken(
    tmp_path_factory: pytest.TempPathFactory, share: float, strength: float, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("direction")
    model = TINY(0)
    config = MaskGuard(
        importance=world.DIRECTED,
        directional=share,
        strength=PartShares(vision=strength, language=0),
    )
    files = world.files_for(folder, model, [config], steps=2)
    parameters, guards = world.guarded(model, [config], files)
    means = measured(files.importances, world.DIRECTED, world.BASE)
    slope = sum(mean_gradient(task, parameters) for task in means)
    assert isinstance(slope, torch.Tensor)
    before = parameters.values.clone()
    for guard in guards:
        guard.before_step(parameters)
    generator = torch.Generator().manual_seed(seed)
    parameters.values += torch.randn(len(before), generator=generator)
    for guard in guards[:-1] if strength == 0.5 else ():
        guard.after_step(parameters)
    vision = world.part(model, parameters, "vision")
    frozen = world.flat_mask(parameters, world.random_mask(parameters)) & vision & (strength == 1)
    held = torch.where(frozen, before, parameters.values)
    for guard in guards if strength != 0.5 else guards[-1:]:
        guard.after_step(parameters)
    assert torch.equal(world.bits(parameters.values[frozen]), world.bits(before[frozen]))
    for own in (vision, ~vision):
        rise = torch.dot((held - before)[own].double(), slope[own].double())
        left = torch.dot((parameters.values - before)[own].double(), slope[own].double())
        expected = (1 - share) * rise if rise > 0 else rise
        size = slope[own].norm() * (held - before)[own].norm()
        torch.testing.assert_close(left, expected, rtol=0, atol=1e-6 * float(size))
        if rise <= 0:
            assert torch.equal(parameters.values[own], held[own])
        else:
            taken = (held - parameters.values)[own & ~frozen]
            cosine = torch.cosine_similarity(taken, slope[own & ~frozen], 0)
            assert cosine > 0.99


def test_importances_without_directions_are_refused(tmp_path: Path) -> None:
    model = TINY(0)
    config = MaskGuard(directional=0.5)
    files = world.files_for(tmp_path, model, [config])
    with pytest.raises(UserError, match=r"directional is 0\.5.*importance\.direction: true"):
        world.guarded(model, [config], files)


def test_a_file_that_lacks_its_directions_is_refused(tmp_path: Path) -> None:
    model = TINY(0)
    config = MaskGuard(directional=0.5, importance=world.DIRECTED)
    parameters, _ = world.guarded(model, [], GuardFiles())
    claimed = world.DIRECTED.model_dump_json()
    path = world.write_importance(tmp_path / "i.safetensors", model, parameters, settings=claimed)
    files = world.files_for(tmp_path, model, [config])
    with pytest.raises(UserError, match=r"i\.safetensors: .*direction:text.* missing"):
        world.guarded(model, [config], GuardFiles(files.masks, [path]))
