"""Adapters of a stage: made, drawn or loaded, from the checkpoints that hold them.

A bank is a row of checkpoints, one for each task: its adapter and key, its queries to all adapters
so far, and its head. None is ever written again; what a task uses of earlier ones it reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from continual_vqa.backbones.adapters import Adapter, Bank, Branch, initialise
from continual_vqa.backbones.bank import BankBranch
from continual_vqa.backbones.base import Backbone
from continual_vqa.backbones.tensor_file import load_into
from continual_vqa.config.tuning import AdapterTuning, BankTuning, Phase, Tuning
from continual_vqa.errors import UserError
from continual_vqa.files.jsons import parse_json
from continual_vqa.training.checkpoint import read_checkpoint

_TUNING: TypeAdapter[Tuning] = TypeAdapter(Tuning)
_KEPT = re.compile(r"bank\.[^.]+\.(?:adapters\.(?P<adapter>[0-9]+)|keys\.[0-9]+)[.]?")
_QUERY = re.compile(r"bank\.[^.]+\.queries\.[0-9]+-(?P<adapter>[0-9]+)$")


@dataclass(frozen=True, slots=True)
class Growth:
    """What a stage adds to a bank: of task `step` in `phase`, drawn from `seed`."""

    step: int
    phase: Phase
    seed: int


def tuning_of(header: Mapping[str, str], where: Path) -> Tuning:
    """What the stage of a checkpoint's header trained.

    Raises
    ------
    UserError : the header's recipe cannot be read
    """
    recipe = parse_json(header.get("recipe", "{}").encode(), where)
    tune = recipe.get("tune", "default") if isinstance(recipe, dict) else None
    try:
        return _TUNING.validate_python(tune)
    except ValidationError as error:
        raise UserError(f"the header's recipe is unreadable: {error}", where=where) from error


def put_adapter(model: Backbone, tuning: AdapterTuning, seed: int) -> None:
    """Give `model` one fresh adapter in every branch."""
    bank = Bank(model.branches(), lambda branch: Adapter(branch.width, tuning.width))
    model.put_bank(bank)
    bank.trained = bank.own = tuple(bank.names())
    initialise(model, bank.own, seed)


def load_bank(
    model: Backbone,
    tuning: BankTuning,
    stack: Sequence[Path],
    start: Path | None,
    base_sha256: str,
    growth: Growth | None = None,
) -> dict[str, str]:
    """Give `model` the adapters of the checkpoints `stack` and the queries of one task.

    Parameters
    ----------
    stack : checkpoints of other tasks, whose adapters and keys are read
    start : checkpoint of the task itself, of which all is read and the header returned; None: the
        task has none yet
    growth : what the stage adds, for training; what of it no checkpoint holds is drawn; None: the
        task answers with what its checkpoint holds

    Raises
    ------
    UserError : a checkpoint of another base or tuning, two of one task, or an adapter that the
        task's queries ask for and no checkpoint holds
    """
    adapters = _Adapters(tuning)
    for path in stack:
        adapters.read(path, *read_checkpoint(path, base_sha256))
    header, tensors = read_checkpoint(start, base_sha256) if start else ({}, {})
    if start:
        adapters.read(start, header, tensors)
        task = _step(header, start)
    else:
        assert growth is not None, "without a checkpoint there is nothing to answer with"
        task = growth.step
    asked = sorted({int(m["adapter"]) for m in map(_QUERY.match, tensors) if m})
    lacking = sorted(set(asked) - adapters.held.keys())
    if lacking:
        raise UserError(
            f"its queries ask for the adapters of tasks {', '.join(map(str, lacking))}",
            where=start or "--stack",
            expected="the checkpoints of these tasks in --stack",
            do="give the checkpoints of all earlier stages of its run",
        )
    fresh: list[int] = []
    if growth is not None:
        if start:
            _check_first_phase(start, task, asked, growth, adapters)
        fresh = [growth.step] if growth.phase == "expansion" else []
        asked = sorted({*adapters.held, *fresh})
    numbers = sorted({*adapters.held, *fresh})

    def make(branch: Branch) -> BankBranch:
        return BankBranch(branch, tuning, adapters=numbers, asked=asked, task=task)

    bank = Bank(model.branches(), make)
    model.put_bank(bank)
    loaded = {**adapters.tensors, **tensors}
    names = bank.names()
    if growth is not None:
        bank.own = tuple(n for n in names if n not in adapters.tensors)
        bank.trained = tuple(n for n in bank.own if _grows(n, growth))
        initialise(model, [n for n in bank.own if n not in loaded], growth.seed)
        names = [name for name in names if name in loaded]
    own = dict(model.named_parameters())
    names = [*names, *(name for name in model.heads() if name in loaded)]
    load_into({name: own[name] for name in names}, loaded, start or Path("--stack"))
    return header


def _check_first_phase(
    start: Path, task: int, asked: Sequence[int], growth: Growth, adapters: _Adapters
) -> None:
    """Refuse a start that is not what the first phase of the stage's own task left."""
    if task != growth.step or task in adapters.held:
        whole = ", with its adapter" if task in adapters.held else ""
        raise UserError(
            f"is of task {task}{whole}",
            where=start,
            expected=f"base, or what the phase experience of task {growth.step} left",
            do="give the checkpoints of earlier tasks in --stack",
        )
    if list(asked) != sorted(adapters.held):
        raise UserError(
            f"its queries ask for the adapters of {len(asked)} tasks, those of "
            f"{len(adapters.held)} are given",
            where=start,
            expected="in --stack the checkpoints that its own phase had",
        )


class _Adapters:
    """Adapters and keys of several checkpoints: `held` says which task's lies where."""

    def __init__(self, tuning: BankTuning) -> None:
        self._tuning = tuning
        self.held: dict[int, Path] = {}
        self.tensors: dict[str, Tensor] = {}

    def read(self, path: Path, header: Mapping[str, str], tensors: Mapping[str, Tensor]) -> None:
        """Take the adapters and keys of one checkpoint."""
        found = tuning_of(header, path)
        shape = (self._tuning.width, self._tuning.heads)
        if not isinstance(found, BankTuning) or (found.width, found.heads) != shape:
            raise UserError(
                "is no part of this bank of adapters",
                where=path,
                expected=f"a stage trained with tune: adapter_bank, width {shape[0]}, heads "
                f"{shape[1]}",
            )
        kept = {name: tensor for name, tensor in tensors.items() if _KEPT.match(name)}
        for number in {int(m["adapter"]) for m in map(_KEPT.match, kept) if m and m["adapter"]}:
            if number in self.held:
                raise UserError(
                    f"holds the adapter of task {number}, as {self.held[number]} does",
                    where=path,
                    expected="each task once",
                )
            self.held[number] = path
        self.tensors |= kept


def _grows(name: str, growth: Growth) -> bool:
    if growth.phase == "experience":
        return ".queries." in name
    number = str(growth.step)
    ends = (f".keys.{number}", f".queries.{number}-{number}")
    return name.endswith(ends) or f".adapters.{number}." in name


def _step(header: Mapping[str, str], where: Path) -> int:
    step = header.get("step", "")
    if not (step.isascii() and step.isdigit()):
        raise UserError(f"step is {step!r}", where=where, expected="a whole number")
    return int(step)
