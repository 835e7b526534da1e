"""One merge at work: the merged bytes of every tensor, piece by piece, and what was counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from continual_vqa.consolidation.merging.dtypes import Floats, finite, narrow
from continual_vqa.consolidation.merging.job import MergeJob
from continual_vqa.consolidation.merging.methods import METHODS
from continual_vqa.consolidation.merging.models import Model, is_float
from continual_vqa.consolidation.merging.report import part_rows, tensor_row
from continual_vqa.consolidation.merging.stack import Block, Stack, Step
from continual_vqa.consolidation.merging.tally import Tally, dot
from continual_vqa.consolidation.merging.updates import (
    Module,
    Pair,
    merge_updates,
    modules,
    update_norms,
)
from continual_vqa.consolidation.merging.windows import Window
from continual_vqa.errors import UserError

PIECE = 1 << 18  # entries written at once
NOT_FLOAT, NOT_TRAINED = "not a float: the same in all models", "not trained: stays the base's"


class Merging:
    """One merge at work: gives the merged bytes, and remembers what it did."""

    def __init__(self, job: MergeJob, base: Model, models: list[Model]) -> None:
        self._job, self._base, self._models = job, base, models
        self._method = METHODS[job.config.kind]
        self.bytes_read = 0
        self._tallies: dict[str, Tally] = {}
        self._modules: list[dict[str, Any]] = []
        infos = models[0].infos
        pairs = modules(infos, models[0].path) if job.config.space == "updates" else []
        self._module_of = {name: module for module in pairs for name in (module.a, module.b)}
        self._done: dict[str, Floats] = {}

    def pieces(self) -> Iterator[memoryview]:
        """The bytes of all tensors in the order of their names."""
        for name, info in sorted(self._models[0].infos.items()):
            yield from self._merged(name) if is_float(info) else self._copied(name)

    def report(self) -> dict[str, Any]:
        """The rows of parts, tensors and modules."""
        errors = {row["module"]: row["refactor_error"] for row in self._modules}
        rows = []
        for name, info in sorted(self._base.infos.items()):
            trained = self._models[0].infos.get(name)
            if trained is None:
                rule, reason = "excluded", NOT_TRAINED
            elif not is_float(trained):
                rule, reason = "copied", NOT_FLOAT
            else:
                rule, reason = "merged", self._job.config.kind
            part, tally = self._base.parts[name], self._tallies.get(name)
            rows.append(tensor_row(name, part, info.size, rule, reason, tally))
            if name in self._module_of:
                rows[-1]["refactor_error"] = errors[self._module_of[name].name]
        parts = part_rows(rows, self._tallies, len(self._models))
        return {"parts": parts, "tensors": rows, "modules": self._modules}

    def _merged(self, name: str) -> Iterator[memoryview]:
        info = self._models[0].infos[name]
        windows = [Window(model, name) for model in self._models]
        reads_base = self._job.full or self._method.needs_base
        ground = Window(self._base, name) if reads_base else None
        sources = [str(model.path) for model in (*self._models, self._base)]
        stack = Stack(name, info.size, windows, ground, sources)
        tally = Tally(len(windows)) if self._job.full else None
        if tally is not None:
            self._tallies[name] = tally
        step = self._step(stack)
        for begin in range(0, info.size, PIECE):
            end = min(begin + PIECE, info.size)
            piece = np.empty(end - begin, np.float32)
            for block in stack.blocks(begin, end):
                merged = step(block)
                _count(stack, block, merged, tally)
                piece[block.start - begin :][: len(merged)] = merged
            yield self._stored(name, piece, info.dtype)
        every = windows if ground is None else [*windows, ground]
        self.bytes_read += sum(window.bytes for window in every)

    def _step(self, stack: Stack) -> Step:
        """What merges the blocks of a tensor."""
        module = self._module_of.get(stack.name)
        if module is None:
            return self._method.prepare(stack, self._job.config, self._job.tasks)
        if stack.name not in self._done:
            self._merge_module(module)
        values = self._done.pop(stack.name)
        return lambda block: values[block.start : block.start + len(block.inputs[0])]

    def _merge_module(self, module: Module) -> None:
        pairs = [self._pair(model, module) for model in self._models]
        base = self._pair(self._base, module) if self._method.needs_base else None
        config, tasks = self._job.config, self._job.tasks
        factors = merge_updates(module.name, pairs, base, config, tasks)
        self._done[module.a] = factors.a.astype(np.float32).reshape(-1)
        self._done[module.b] = factors.b.astype(np.float32).reshape(-1)
        self._modules.append(
            {
                "module": module.name,
                "part": self._base.parts[module.a],
                "rank": len(factors.a),
                "norms": update_norms(pairs),
                "norm_merged": factors.norm,
                "refactor_error": factors.error,
            }
        )

    def _pair(self, model: Model, module: Module) -> Pair:
        arrays = []
        for name in (module.b, module.a):
            info, window = model.infos[name], Window(model, name)
            values = window(0, info.size)
            if not np.isfinite(values).all():
                stack = Stack(name, info.size, [window], None, [str(model.path)])
                stack.refuse_not_finite(Block(0, [values], None))
            arrays.append(values.reshape(info.shape))
            self.bytes_read += window.bytes
        return Pair(*arrays)

    def _stored(self, name: str, piece: Floats, dtype: str) -> memoryview:
        stored = narrow(piece, dtype)
        if dtype != "F32" and not finite(stored, dtype):
            raise _too_large(name, dtype)
        return stored.view(np.uint8).data

    def _copied(self, name: str) -> Iterator[memoryview]:
        """The bytes of a tensor that is not merged; all models must have the same."""
        info = self._models[0].infos[name]
        for offset in range(0, info.end - info.begin, PIECE):
            size = min(PIECE, info.end - info.begin - offset)
            places = [model.infos[name].begin + offset for model in self._models]
            first, *others = (
                np.memmap(model.path, np.uint8, "r", place, (size,))
                for model, place in zip(self._models, places, strict=True)
            )
            for model, other in zip(self._models[1:], others, strict=True):
                if not np.array_equal(first, other):
                    raise UserError(
                        f"tensor {name!r} of dtype {info.dtype} differs",
                        where=model.path,
                        expected=f"that of {self._models[0].path}: only floats are merged",
                    )
            self.bytes_read += size * len(self._models)
            yield first.data


def _count(stack: Stack, block: Block, merged: Floats, tally: Tally | None) -> None:
    """Count a block where that is asked for; in any case nothing that is not finite gets by."""
    if tally is not None:
        tally.add(stack, block, merged)
    elif block.base is not None and not all(np.isfinite(dot(d, d)) for d in block.differences):
        # Where differences are chosen, one that is not finite need not be in the merge.
        stack.refuse_not_finite(block)
    total = dot(merged, merged) if tally is None else tally.merged
    if not np.isfinite(total) and not np.isfinite(merged).all():
        stack.refuse_not_finite(block)
        raise _too_large(stack.name, "F32")


def _too_large(name: str, dtype: str) -> UserError:
    return UserError(
        f"merged tensor {name!r} is beyond the largest number of {dtype}",
        where="--settings",
        do="lower merge.scale",
    )
