"""From a recipe's guards to what acts while a stage is trained.

The loop calls every hook of every guard in order and knows nothing else of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from continual_vqa.backbones.base import Backbone
from continual_vqa.config.guards import (
    AlignGuard,
    DistilGuard,
    MaskGuard,
    OrthogonalGuard,
    PenaltyGuard,
)
from continual_vqa.config.recipe import Recipe
from continual_vqa.config.replay import FeaturesReplay, LogitsReplay, QuestionsReplay
from continual_vqa.config.tuning import Phase
from continual_vqa.errors import UserError
from continual_vqa.methods.align import Align
from continual_vqa.methods.attention import Attention
from continual_vqa.methods.bank_orthogonality import BankOrthogonality
from continual_vqa.methods.direction import Direction
from continual_vqa.methods.distil import Distil
from continual_vqa.methods.features import Features
from continual_vqa.methods.guard import Guard
from continual_vqa.methods.mask import Freeze, Slow
from continual_vqa.methods.orthogonal import Orthogonal
from continual_vqa.methods.penalty import Penalty
from continual_vqa.methods.stored import Stored


@dataclass(frozen=True, slots=True)
class GuardFiles:
    """What earlier stages left for the guards of this one.

    Attributes
    ----------
    masks : one for each mask guard, in the recipe's order
    importances : all that penalties and directional masks read, in any order: every file says
        which step and settings it was measured with
    teacher : checkpoint of the model before this stage, which is distilled from
    stack : checkpoints of earlier stages that stay as they are below what is trained, in order
    """

    masks: Sequence[Path] = ()
    importances: Sequence[Path] = ()
    teacher: Path | None = None
    stack: Sequence[Path] = ()


def guards_of(
    recipe: Recipe,
    files: GuardFiles,
    base_sha256: str,
    make_teacher: Callable[[Path], Backbone],
    phase: Phase = "expansion",
) -> tuple[Guard, ...]:
    """The guards that a recipe asks for, in the order of their turns; none that changes nothing.

    A bank of adapters brings its orthogonality along, which depends on the `phase` of the stage;
    what is replayed brings what a batch of the memory costs.

    Losses and gradients come first, then what holds back the step, and last what must not move.

    Raises
    ------
    UserError : not as many masks as mask guards, or no teacher to distil from; the files
        themselves are read in `before_stage`
    """
    asked = sum(config.kind == "mask" for config in recipe.guards)
    if asked != len(files.masks):
        raise UserError(
            f"{len(files.masks)} files for {asked} mask guards",
            where="--masks",
            expected="one mask for each mask guard of the recipe, in its order",
        )
    masks = iter(files.masks)
    guards: list[Guard] = []
    if recipe.bank and recipe.bank.orthogonality:
        guards.append(BankOrthogonality(recipe.bank, phase))
    match recipe.replay:
        case LogitsReplay():
            guards.append(Stored(recipe.replay))
        case FeaturesReplay(strength=strength) if strength:
            guards.append(Features(strength, make_teacher(_teacher(files))))
        case QuestionsReplay(attention=strength) if strength:
            guards.append(Attention(strength, make_teacher(_teacher(files))))
    for config in recipe.guards:
        match config:
            case PenaltyGuard():
                guards += _penalty(config, files, base_sha256)
            case MaskGuard():
                guards += _mask(config, next(masks), files, base_sha256)
            case DistilGuard():
                guards += _distil(config, files, make_teacher)
            case AlignGuard():
                guards.append(Align(config))
            case OrthogonalGuard():
                guards.append(Orthogonal(config, files.stack, base_sha256))
    return tuple(sorted(guards, key=lambda guard: guard.turn))


def _penalty(config: PenaltyGuard, files: GuardFiles, base_sha256: str) -> list[Guard]:
    return [Penalty(config, files.importances, base_sha256)] if config.strength else []


def _mask(config: MaskGuard, path: Path, files: GuardFiles, base_sha256: str) -> list[Guard]:
    strengths = (config.strength.vision, config.strength.language)
    guards: list[Guard] = []
    if any(0 < strength < 1 for strength in strengths):
        guards.append(Slow(config, path, base_sha256))
    if config.directional:
        guards.append(Direction(config, path, files.importances, base_sha256))
    if 1 in strengths:
        guards.append(Freeze(config, path, base_sha256))
    return guards


def _distil(
    config: DistilGuard, files: GuardFiles, make_teacher: Callable[[Path], Backbone]
) -> list[Guard]:
    if not config.strength:
        return []
    return [Distil(config, make_teacher(_teacher(files)))]


def _teacher(files: GuardFiles) -> Path:
    if files.teacher is None:
        raise UserError(
            "no model to distil from",
            where="--teacher",
            expected="the checkpoint of the stage before",
        )
    return files.teacher
