"""Files of earlier stages and short real trainings, for tests of guards."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import families
from continual_vqa.backbones.base import Backbone, Batch
from continual_vqa.backbones.tensor_file import read_tensors, write_tensors
from continual_vqa.config.guards import GuardConfig, MaskGuard, PenaltyGuard
from continual_vqa.config.importance import ImportanceConfig
from continual_vqa.config.recipe import Recipe
from continual_vqa.consolidation import mask_file
from continual_vqa.methods.guard import Guard
from continual_vqa.methods.guards import GuardFiles, guards_of
from continual_vqa.methods.parameters import FlatParameters, trained_parameters
from continual_vqa.training.inflight import InFlight, Request
from continual_vqa.training.loop import Loop, Pace, Segment
from continual_vqa.training.optimiser import AdamW

BASE = "b" * 64
MODELS = families.tiny_models()
PLAIN, DIRECTED = ImportanceConfig(), ImportanceConfig(direction=True)


class Questions:
    """Random examples in memory, of weights between 0.3 and 1."""

    def __init__(self, model: Backbone, first: int, count: int) -> None:
        self._model, self._first, self._count = model, first, count

    def __len__(self) -> int:
        return self._count

    def stream(
        self, batches: Iterable[np.ndarray], uniforms: np.ndarray
    ) -> Iterator[tuple[Batch, Tensor]]:
        for numbers in batches:
            weights = torch.tensor(0.3 + 0.7 * uniforms[numbers], dtype=torch.float32)
            yield families.batch(self._model, numbers + self._first), weights


def train(
    model: Backbone,
    parameters: FlatParameters,
    guards: Sequence[Guard],
    folder: Path,
    *,
    adamw: AdamW | None = None,
    accumulation: int = 1,
    precision: str = "fp32",
    segments: int = 2,
    stop_after: int = 0,
) -> list[float]:
    """Two steps in each of some segments, through the real loop; returns the losses."""
    pace = Pace(1, 5, 0.1, adamw or AdamW(1e-2), accumulation, precision)
    inflight = InFlight(folder / "scratch", "key", 1e9, Request(), stop_after)
    loop = Loop(model, parameters, pace, tuple(guards), inflight, "test")
    rows = loop.run([Segment(str(n), Questions(model, 10 * n, 8), n) for n in range(segments)])
    return [row.loss for row in rows]


def guarded(
    model: Backbone,
    configs: Sequence[GuardConfig],
    files: GuardFiles,
    *,
    teacher: Backbone | None = None,
) -> tuple[FlatParameters, tuple[Guard, ...]]:
    """The trained vector of `model` and its guards, ready for the first step."""
    parameters = trained_parameters(model, "default")

    def make_teacher(path: Path) -> Backbone:
        assert teacher is not None
        return teacher

    guards = guards_of(Recipe(guards=tuple(configs)), files, BASE, make_teacher)
    for guard in guards:
        guard.before_stage(model, parameters)
    return parameters, guards


def random_mask(parameters: FlatParameters, seed: int = 0) -> dict[str, np.ndarray]:
    """About half of the entries of every other tensor."""
    rng = np.random.default_rng(seed)
    tensors = parameters.tensors().items()
    return {
        name: rng.random(tuple(tensor.shape)) < (0.5 if number % 2 else 0.9 * (number % 4 == 0))
        for number, (name, tensor) in enumerate(tensors)
    }


def flat_mask(parameters: FlatParameters, mask: Mapping[str, np.ndarray]) -> Tensor:
    return torch.cat([torch.from_numpy(mask[name]).flatten() for name in parameters.names])


def part(model: Backbone, parameters: FlatParameters, name: str) -> Tensor:
    """Which entries of the vector belong to part `name`: (n,) bool."""
    own = torch.zeros(len(parameters.values), dtype=torch.bool)
    for tensor, place in parameters.slices().items():
        own[place] = model.part_of(tensor) == name
    return own


def write_mask(
    path: Path, model: Backbone, mask: Mapping[str, np.ndarray], config: MaskGuard, **changes: str
) -> Path:
    """A mask file of the given entries."""
    settings = config.choosing()
    parts = {name: model.part_of(name) for name in mask}
    protected = dict.fromkeys(parts.values(), 0)
    for name, bits in mask.items():
        protected[parts[name]] += int(bits.sum())
    metadata = {
        "base_sha256": BASE,
        "stage": "seed-0/01-color-abc",
        "step": "1",
        "shapes": json.dumps({name: list(bits.shape) for name, bits in mask.items()}),
        "parts": json.dumps(parts),
        "settings": json.dumps(settings, sort_keys=True),
        "summary": json.dumps({part: {"protected": count} for part, count in protected.items()}),
    }
    mask_file.write_mask(
        path, {n: mask_file.pack(bits) for n, bits in mask.items()}, metadata | changes
    )
    return path


def write_importance(
    path: Path,
    model: Backbone,
    parameters: FlatParameters,
    *,
    step: int = 1,
    seed: int = 0,
    count: int = 4,
    config: ImportanceConfig = PLAIN,
    **changes: str,
) -> Path:
    """An importance file of random sums over `count` samples."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {name: tensor.shape for name, tensor in parameters.tensors().items()}
    tensors = {name: torch.rand(shape, generator=generator) for name, shape in shapes.items()}
    if config.direction:
        for name, shape in shapes.items():
            tensors[f"direction:{name}"] = torch.randn(shape, generator=generator)
    metadata = {
        "format": "continual-vqa importance 1",
        "base_sha256": BASE,
        "stage": f"seed-0/{step:02d}-color-abc",
        "task": "color",
        "step": str(step),
        "parts": json.dumps({name: model.part_of(name) for name in shapes}),
        "settings": json.dumps(config.model_dump(mode="json"), sort_keys=True),
        "count": str(count),
    }
    write_tensors(path, tensors, metadata | changes)
    return path


def read_sums(path: Path, parameters: FlatParameters) -> dict[str, Tensor]:
    """The sums of an importance file by the names of the trained tensors."""
    tensors = read_tensors(path)[1]
    return {name: tensors[name] for name in parameters.names}


def files_for(
    folder: Path, model: Backbone, configs: Sequence[GuardConfig], *, steps: int = 1
) -> GuardFiles:
    """What the guards read, with random content: masks of half of the entries, importances."""
    parameters = trained_parameters(model, "default")
    folder.mkdir(exist_ok=True)
    masks, asked = [], []
    for number, config in enumerate(configs):
        if isinstance(config, MaskGuard):
            path = folder / f"mask-{number}.safetensors"
            masks.append(write_mask(path, model, random_mask(parameters, number), config))
        if isinstance(config, PenaltyGuard) or (
            isinstance(config, MaskGuard) and config.directional
        ):
            asked.append(config.importance)
    importances = [
        write_importance(
            folder / f"importance-{kind}-{step}.safetensors",
            model,
            parameters,
            step=step,
            seed=step,
            config=config,
        )
        for kind, config in enumerate(dict.fromkeys(asked))
        for step in range(1, steps + 1)
    ]
    return GuardFiles(masks, importances, folder / "teacher.safetensors")


def bits(tensor: Tensor) -> Tensor:
    return tensor.view(torch.int32)
