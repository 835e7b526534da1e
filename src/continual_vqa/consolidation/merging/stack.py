"""One tensor in all merged models and in the base, read block by block.

A method sees nothing else of the models: `Stack` for what it must know beforehand, and its `Block`s
one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from continual_vqa.consolidation.merging.dtypes import Floats
from continual_vqa.errors import UserError

BLOCK = 1 << 16  # entries taken at once: a few such arrays stay in the cache

# (start, stop) of the flattened tensor (C order) -> its entries there, float32.
Reader = Callable[[int, int], Floats]


@dataclass(frozen=True)
class Block:
    """Entries from `start` on: (n,) float32 of every input, and of the base where it is read."""

    start: int
    inputs: Sequence[Floats]
    base: Floats | None

    @cached_property
    def differences(self) -> Sequence[Floats]:
        """(n,) float32 of every input: input - base ("task vectors"). Not to be written to."""
        assert self.base is not None
        return [each - self.base for each in self.inputs]


Step = Callable[[Block], Floats]  # a block -> its merged entries, (n,) float32


@dataclass(frozen=True)
class Stack:
    """A tensor, or the update of a module, by the same name in every model.

    Attributes
    ----------
    name, size : its name, and its entries in each model
    inputs : a reader for each merged model, in their order
    base : a reader for the base, or None where it is not needed
    sources : what to call each input, and then the base, in errors
    """

    name: str
    size: int
    inputs: Sequence[Reader]
    base: Reader | None
    sources: Sequence[str]

    def blocks(self, begin: int, end: int) -> Iterator[Block]:
        """The entries from `begin` to `end`, in order."""
        for start in range(begin, end, BLOCK):
            stop = min(start + BLOCK, end)
            base = None if self.base is None else self.base(start, stop)
            yield Block(start, [read(start, stop) for read in self.inputs], base)

    def magnitudes(self, index: int) -> Iterator[Floats]:
        """|input - base| of one input, block by block: new arrays."""
        assert self.base is not None
        for start in range(0, self.size, BLOCK):
            stop = min(start + BLOCK, self.size)
            values = self.inputs[index](start, stop) - self.base(start, stop)
            yield np.abs(values, out=values)

    def refuse_not_finite(self, block: Block) -> None:
        """Raise `UserError` if the block holds NaN or infinity, which have no place in a merge."""
        held = [*block.inputs, *([] if block.base is None else [block.base])]
        for source, values in zip(self.sources, held, strict=False):
            wrong = ~np.isfinite(values)
            if wrong.any():
                raise UserError(
                    f"tensor {self.name!r} holds {values[wrong][0]}",
                    where=source,
                    expected="finite weights",
                    do="look at the training curve of this stage: did it diverge?",
                )
