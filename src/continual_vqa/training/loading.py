"""The model that a job works with: the base with what its stage, and those below it, trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from continual_vqa.backbones import lora
from continual_vqa.backbones.base import Backbone
from continual_vqa.backbones.folder import WEIGHTS, read_base
from continual_vqa.backbones.lora_layer import rest
from continual_vqa.config.tuning import AdapterTuning, BankTuning, Tuning
from continual_vqa.files.tensors import read_header
from continual_vqa.training.banking import Growth, load_bank, put_adapter, tuning_of
from continual_vqa.training.checkpoint import BASE, load_checkpoint
from continual_vqa.training.seeds import derived
from continual_vqa.training.settings import StageIdentity
from continual_vqa.training.stacking import check_stack, load_stacked


@dataclass(frozen=True, slots=True)
class Fresh:
    """What a stage draws anew: low-rank factors from the seed `factors`, or adapters."""

    tune: Tuning
    factors: int
    growth: Growth

    @staticmethod
    def of(stage: StageIdentity) -> Fresh:
        """The seeds and the growth of a stage."""
        identity = (stage.seed, stage.task, stage.step)
        growth = Growth(stage.step, stage.phase, derived(*identity, "adapters"))
        return Fresh(stage.recipe.tune, derived(*identity, "factors"), growth)


def start_file(argument: str, base: Path) -> Path | None:
    """The checkpoint that `--start` or `--model` names; None for the base model itself.

    The base is meant by the word "base", its folder, or its own weights.
    """
    path = Path(argument)
    if argument == BASE or path.resolve() in (base.resolve(), (base / WEIGHTS).resolve()):
        return None
    return path


def load_model(
    base: Path,
    start: Path | None,
    device: torch.device,
    *,
    stack: Sequence[Path] = (),
    fresh: Fresh | None = None,
) -> tuple[Backbone, str, dict[str, str]]:
    """The model with its starting weights, the base's hash, and the checkpoint's header.

    Parameters
    ----------
    start : checkpoint of the trained tensors; None: those of the base
    stack : checkpoints of earlier stages: the adapters of a bank, or factors whose low-rank updates
        are added to the frozen weights
    fresh : what a stage that is to be trained draws anew

    Raises
    ------
    UserError : a damaged base or checkpoint, or one that does not belong to the base; see also
        `stacking.load_stacked` and `banking.load_bank`
    """
    model, base_sha256 = read_base(base)
    tune: Tuning = fresh.tune if fresh else "default"
    if start is not None:
        tune = tuning_of(read_header(start)[0], start)
    match tune:
        case BankTuning():
            growth = fresh.growth if fresh else None
            header = load_bank(model, tune, stack, start, base_sha256, growth)
        case AdapterTuning():
            put_adapter(model, tune, fresh.growth.seed if fresh else 0)
            header = load_checkpoint(start, model, base_sha256) if start else {}
        case _:
            header = _load_weights(model, stack, start, fresh, base, base_sha256)
    rest(model)
    return model.to(device), base_sha256, header


def _load_weights(
    model: Backbone,
    stack: Sequence[Path],
    start: Path | None,
    fresh: Fresh | None,
    base: Path,
    base_sha256: str,
) -> dict[str, str]:
    header: dict[str, str] = {}
    if stack:
        header = load_stacked(model, stack, start, base, base_sha256)
    elif start is not None:
        header = load_checkpoint(start, model, base_sha256)
    if start is not None:
        check_stack(header, stack, start)
    elif stack and fresh is not None:
        lora.initialise(model, fresh.factors)
    return header
