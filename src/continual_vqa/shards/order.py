"""The order of samples: a pure function of seed and epoch, whatever reads them.

Batches are cut from one global order before ranks and workers come into play, so one rank or two,
one worker or four see the same batches; and a position in the order is all there is to resume.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from continual_vqa.errors import UserError


def epoch_order(n: int, seed: int, epoch: int) -> np.ndarray:
    """A permutation of 0 .. n - 1, int64 (n,).

    Sorts n random 64-bit words of Philox keyed by (seed, epoch): numpy promises the words of a bit
    generator for ever, but not what its `permutation` makes of them.

    Raises
    ------
    ValueError : negative n, seed or epoch, or a seed or epoch of more than 64 bits
    """
    if n < 0 or not 0 <= seed < 2**64 or not 0 <= epoch < 2**64:
        raise ValueError(f"n {n}, seed {seed}, epoch {epoch}: each from 0 to 2^64 - 1")
    words = np.random.Philox(key=np.array([seed, epoch], np.uint64)).random_raw(n)
    return np.argsort(words, kind="stable").astype(np.int64, copy=False)


def batches(
    n: int,
    batch_size: int,
    seed: int,
    epoch: int,
    *,
    rank: int = 0,
    ranks: int = 1,
    start: int = 0,
    pad: bool = False,
) -> Iterator[np.ndarray]:
    """The batches of one epoch for one rank, int64 arrays of indices.

    A global batch is `batch_size` consecutive indices of the epoch's order; rank r of R takes every
    R-th from its r-th on. Together the ranks give every index exactly once.

    Parameters
    ----------
    n : number of samples
    batch_size : of the global batch, over all ranks
    rank, ranks : this process and their number
    start : samples of this epoch that all ranks together have already taken (a cursor's position)
    pad : fill the last global batch up to `batch_size` with the first indices of the same order.
        Without it the last batch is smaller, and a rank's share of it may be empty (it is yielded
        all the same, so that all ranks take the same number of steps).

    Raises
    ------
    ValueError : a size or rank out of range
    """
    if batch_size < 1 or not 0 <= rank < ranks or not 0 <= start <= n:
        raise ValueError(f"batch size {batch_size}, rank {rank} of {ranks}, start {start} of {n}")
    order = epoch_order(n, seed, epoch)
    for begin in range(start, n, batch_size):
        batch = order[begin : begin + batch_size]
        if pad and len(batch) < batch_size:
            batch = np.concatenate([batch, np.resize(order, batch_size - len(batch))])
        yield batch[rank::ranks]


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far reading has come: `position` samples of `epoch`, counted over all ranks."""

    seed: int
    epoch: int = 0
    position: int = 0

    def advance(self, count: int, n: int) -> Cursor:
        """The cursor after `count` more samples of `n` an epoch; at the end, of the next epoch."""
        position = self.position + count
        if position >= n:
            return replace(self, epoch=self.epoch + 1, position=0)
        return replace(self, position=position)

    def batches(
        self, n: int, batch_size: int, epochs: int, *, rank: int = 0, ranks: int = 1
    ) -> Iterator[tuple[np.ndarray, Cursor]]:
        """(this rank's indices, the cursor after them) from here to the end of epoch `epochs` - 1.

        Starting again from any of the cursors gives exactly the batches that would have followed.
        """
        cursor = self
        while n and cursor.epoch < epochs:
            epoch, start = cursor.epoch, cursor.position
            for indices in batches(
                n, batch_size, self.seed, epoch, rank=rank, ranks=ranks, start=start
            ):
                cursor = cursor.advance(batch_size, n)
                yield indices, cursor

    def as_dict(self) -> dict[str, int]:
        """Plain data, for a checkpoint's JSON."""
        return {"seed": self.seed, "epoch": self.epoch, "position": self.position}

    @staticmethod
    def from_dict(content: object, where: str = "") -> Cursor:
        """The inverse of `as_dict`.

        Raises
        ------
        UserError : other keys, or values that are not whole numbers from 0
        """
        match content:
            case {"seed": int(seed), "epoch": int(epoch), "position": int(position), **rest}:
                if not rest and min(seed, epoch, position) >= 0:
                    return Cursor(seed, epoch, position)
        raise UserError(
            f"is no data cursor: {str(content)[:80]}",
            where=where,
            expected="seed, epoch and position, from 0",
        )
