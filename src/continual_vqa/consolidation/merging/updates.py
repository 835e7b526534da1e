"""Merging the low-rank factors of a module by the updates B·A that they stand for.

Names as peft's: `<module>.lora_A.<adapter>.weight` (r, in) and `<module>.lora_B.<adapter>.weight`
(out, r). The factor alpha / rank is the same in all models and plays no part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from continual_vqa.config.merge import MergeConfig
from continual_vqa.consolidation.merging.dtypes import Floats
from continual_vqa.consolidation.merging.low_rank import Doubles, Factors, combine, refactor
from continual_vqa.consolidation.merging.methods import METHODS
from continual_vqa.consolidation.merging.stack import Stack
from continual_vqa.errors import UserError
from continual_vqa.files.tensors import TensorInfo

A, B = ".lora_A.", ".lora_B."


@dataclass(frozen=True, slots=True)
class Module:
    """The factors of one module: its name, and the names of A and B."""

    name: str
    a: str
    b: str


def modules(infos: Mapping[str, TensorInfo], where: Path) -> list[Module]:
    """The modules with low-rank factors, sorted by name.

    Raises
    ------
    UserError : a factor without its partner, or whose shapes do not fit
    """
    found = []
    for a in sorted(name for name in infos if A in name or B in name):
        b = a.replace(A, B) if A in a else a.replace(B, A)
        if b not in infos:
            raise UserError(f"factor {a} has no partner {b}", where=where, expected="both or none")
        if B in a:
            continue
        one, other = infos[b].shape, infos[a].shape
        if len(one) != 2 or len(other) != 2 or one[1] != other[0]:
            raise UserError(
                f"{b} {list(one)} and {a} {list(other)} cannot be multiplied",
                where=where,
                expected="shapes (out, r) and (r, in)",
            )
        found.append(Module(a.split(A)[0], a, b))
    return found


@dataclass(frozen=True, slots=True)
class Pair:
    """The factors of one model: B (out, r) and A (r, in), float32."""

    b: Floats
    a: Floats

    def dense(self) -> Floats:
        """B·A, (out, in)."""
        return self.b @ self.a


def merge_updates(
    name: str, pairs: Sequence[Pair], base: Pair | None, config: MergeConfig, tasks: int
) -> Factors:
    """The merged update of a module, cut to the rank of its factors.

    Linear combinations are made from the stacked factors. The other kinds hold the dense updates of
    this one module, k + 2 matrices (out, in) of float32 and one of float64.

    Parameters
    ----------
    pairs, base : the factors in k models, and in the base where the kind needs it
    """
    method, rank, spare = METHODS[config.kind], pairs[-1].a.shape[0], _double(pairs[-1].a)
    if method.weights is not None:
        weights = method.weights(config, len(pairs), tasks)
        every = list(pairs)
        if base is not None:
            weights, every = [1 - sum(weights), *weights], [base, *every]
        return combine(
            weights, [_double(p.b) for p in every], [_double(p.a) for p in every], rank, spare
        )
    assert base is not None
    flat = [pair.dense().reshape(-1) for pair in (*pairs, base)]
    readers = [lambda start, stop, flat=each: flat[start:stop] for each in flat]
    stack = Stack(name, flat[0].size, readers[:-1], readers[-1], [])
    step = method.prepare(stack, config, tasks)
    merged = np.empty(stack.size, np.float32)
    for block in stack.blocks(0, stack.size):
        merged[block.start : block.start + len(block.inputs[0])] = step(block)
    return refactor(merged.reshape(len(pairs[0].b), -1), rank, spare)


def update_norms(pairs: Iterable[Pair]) -> list[float]:
    """The Frobenius norms of the updates, without their dense products."""
    norms = []
    for pair in pairs:
        b, a = _double(pair.b), _double(pair.a)
        norms.append(float(np.sqrt(max(0.0, ((b.T @ b) * (a @ a.T)).sum()))))
    return norms


def _double(values: Floats) -> Doubles:
    return values.astype(np.float64)
