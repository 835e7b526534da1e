"""How a task uses the adapters of its bank, and how alike these are.

Measured while the model reads questions and settles the first token of each answer, so that no
annotated answer matters (choice of this project). Padding is left out.

Shapes: B samples, S tokens, D width, N adapters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import torch
from pydantic import Field
from torch import Tensor, nn

from continual_vqa.backbones.adapters import Adapter, Branch
from continual_vqa.backbones.bank import BankBranch
from continual_vqa.backbones.base import Backbone, Batch
from continual_vqa.backbones.prompts import Prompts
from continual_vqa.config.block import Block
from continual_vqa.config.shards import ShardsConfig
from continual_vqa.errors import UserError
from continual_vqa.evaluation.bank_sums import ChangeSums, WeightSums
from continual_vqa.evaluation.bank_table import BANK_USE
from continual_vqa.shards.reader import open_cells
from continual_vqa.shards.subset import Subset
from continual_vqa.training.seeds import derived
from continual_vqa.training.settings import StageIdentity
from continual_vqa.training.visual_store import store_of_cells

Row = dict[str, object]
PIECE = 1024  # tokens whose changes by all adapters are in memory at a time


class BankUseSettings(Block):
    """The settings of one `adapters` job."""

    stage: StageIdentity
    questions: int = Field(100, ge=1, description="Questions that the model reads.")
    batch_size: int = Field(50, ge=1, description="Questions read at a time.")
    shards: ShardsConfig = ShardsConfig()


def bank_use(
    model: Backbone, folders: Mapping[str, Path], settings: BankUseSettings, *, workers: int = 0
) -> pa.Table:
    """BANK_USE: a row for each branch and adapter, and for each branch and pair of adapters.

    Parameters
    ----------
    model : with the bank of one task, as `load_model` gives it
    folders : cells whose questions are read, at most `settings.questions` of them, drawn at random

    Raises
    ------
    UserError : the model has no bank of adapters, or the cells hold no questions
    """
    branches = model.branches()
    banked = [model.bank[branch.place] for branch in branches] if model.bank else []
    if not banked or not all(isinstance(one, BankBranch) for one in banked):
        raise UserError(
            "the model has no bank of adapters",
            where="--model",
            expected="a checkpoint trained with tune: adapter_bank",
        )
    cells = open_cells(list(folders.values()), verify=settings.shards.verify)
    seed = derived(settings.stage.seed, "adapters", settings.stage.task)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(cells))[: settings.questions])
    if not len(chosen):
        raise UserError("the cells hold no questions", where="--cells", expected="one at least")
    subset = Subset(cells, chosen.tolist())
    store = store_of_cells(
        subset,
        model.vision,
        settings.shards,
        settings.stage.recipe.sees,
        memory_mb=0,
        workers=workers,
        sees_pairs=model.sees_pairs,
    )
    columns = subset.table(["question", "choices"])
    prompts = Prompts(model, columns["question"].to_pylist(), columns["choices"].to_pylist())
    size = settings.batch_size
    numbers = (np.arange(len(subset))[i : i + size] for i in range(0, len(subset), size))
    seen = _Seen(branches, cast("list[BankBranch]", banked))
    with seen, torch.inference_mode():
        model.eval()
        for batch_numbers, visual in store.stream(numbers):
            pairs = store.paired(batch_numbers)
            batch = prompts.batch(batch_numbers.tolist(), visual, pairs)
            seen.batch = batch
            model.generate(batch, beams=1, length=1)
    return pa.Table.from_pylist(list(seen.rows()), BANK_USE)


class _Seen:
    """Looks at what passes through the branches while it is entered."""

    def __init__(self, branches: list[Branch], banked: list[BankBranch]) -> None:
        self.batch: Batch | None = None
        self._branches = list(zip(branches, banked, strict=True))
        self._sums = [_Sums(one) for one in banked]
        self._handles: list[Any] = []

    def __enter__(self) -> _Seen:
        for (_, one), sums in zip(self._branches, self._sums, strict=True):
            self._handles.append(one.register_forward_pre_hook(self._look(sums)))
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _look(self, sums: _Sums) -> Any:
        def look(_module: nn.Module, given: tuple[Any, ...]) -> None:
            h: Tensor = given[0]
            mask: Tensor | None = given[1]
            assert self.batch is not None
            if mask is None and self.batch.mask.shape == h.shape[:2]:
                mask = self.batch.mask  # a decoder reads its prompt
            real = torch.ones(h.shape[:2], dtype=torch.bool, device=h.device)
            sums.add(h, given[1], real if mask is None else mask)

        return look

    def rows(self) -> Iterator[Row]:
        """The rows of BANK_USE, branch by branch."""
        for (branch, one), sums in zip(self._branches, self._sums, strict=True):
            place = {
                "place": branch.place,
                "stack": branch.stack,
                "layer": branch.layer,
                "kind": branch.kind,
            }
            yield from ({**place, **row} for row in sums.rows(one.asked))


class _Sums:
    """The sums of one branch."""

    def __init__(self, branch: BankBranch) -> None:
        self._branch = branch
        self._adapters = [cast(Adapter, branch.adapters[str(n)]) for n in branch.asked]
        ups = torch.stack([adapter.up.weight.detach() for adapter in self._adapters])
        self._weights = WeightSums(len(self._adapters))
        self._changes = ChangeSums(torch.linalg.qr(ups).Q)

    def add(self, h: Tensor, mask: Tensor | None, real: Tensor) -> None:
        """States h (B, S, D) on their way into the branch; `real` (B, S) are no padding."""
        weights = self._branch.weights(h, mask).expand(len(h), -1, -1, -1)
        # One weight for a sample (B, 1, N, E), or one for each of its tokens (B, S, N, E).
        each = weights[:, 0] if weights.shape[1] == 1 < h.shape[1] else weights[real]
        self._weights.add(each.transpose(1, 2).flatten(0, 1))
        for piece in h[real].split(PIECE):
            changes = [adapter.change(piece) for adapter in self._adapters]
            self._changes.add(torch.stack(changes, 1))

    def rows(self, asked: tuple[int, ...]) -> Iterator[Row]:
        """What was seen of each adapter of `asked`, then of each pair of them."""
        for place, adapter in enumerate(asked):
            yield {
                "adapter": adapter,
                "count": self._weights.count,
                "weight": self._weights.mean(place),
                "deviation": self._weights.deviation(place),
            }
        for place, adapter in enumerate(asked):
            for further, other in enumerate(asked[place + 1 :], place + 1):
                yield {
                    "adapter": adapter,
                    "other": other,
                    "count": self._changes.count,
                    "cosine": self._changes.cosine(place, further),
                    "cka": self._changes.cka(place, further),
                }
