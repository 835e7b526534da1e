"""Several processes that train one stage together, each on its share of every batch.

Every rank holds the whole model (but see `sharding`). The gradient of a batch is a sum over its
samples, so that the sum of the ranks' gradients, which lie in one flat vector, is the gradient that
one process would have: one collective operation a step (data parallelism; Li et al., VLDB 2020,
without its buckets). All else, guards included, is computed by every rank from the same numbers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from continual_vqa.errors import UserError

# Set by torchrun for each of its processes.
_RANK, _SIZE, _LOCAL = "RANK", "WORLD_SIZE", "LOCAL_RANK"


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process among `size`; alone it is rank 0 of 1 and every operation leaves all as it is.

    The operations are collective: all ranks call them in the same order.
    """

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes what all have computed."""
        return self.rank == 0

    def add(self, tensor: Tensor) -> None:
        """Replace `tensor` by its sum over the ranks."""
        if self.size > 1:
            torch.distributed.all_reduce(tensor)

    def total(self, value: float, device: torch.device) -> float:
        """The sum of `value` over the ranks."""
        if self.size == 1:
            return value
        tensor = torch.tensor([value], dtype=torch.float64, device=device)
        self.add(tensor)
        return float(tensor)

    def any(self, flags: tuple[bool, ...], device: torch.device) -> tuple[bool, ...]:
        """Each flag, true where it is on some rank."""
        if self.size == 1:
            return flags
        tensor = torch.tensor(flags, dtype=torch.int32, device=device)
        self.add(tensor)
        return tuple(bool(count) for count in tensor.tolist())

    def most(self, value: int, device: torch.device) -> int:
        """The largest `value` of all ranks."""
        values = torch.zeros(self.size, dtype=torch.int64, device=device)
        values[self.rank] = value
        self.add(values)
        return int(values.max())

    def place(self, count: int, rank: int | None = None) -> slice:
        """The share of a vector of `count` entries that a rank (None: this one) keeps."""
        rank = self.rank if rank is None else rank
        return slice(count * rank // self.size, count * (rank + 1) // self.size)

    def join(self, vector: Tensor) -> None:
        """Put every rank's share of `vector` (n,), as it is there, in its place."""
        if self.size > 1:
            for rank in range(self.size):
                torch.distributed.broadcast(vector[self.place(len(vector), rank)], rank)

    def whole(self, share: Tensor, count: int) -> Tensor:
        """The vector (count,) of which each rank keeps a `share`; on the CPU, for what is written.

        Of a rank that is not the first it is not filled.
        """
        if self.size == 1:
            return share
        vector = torch.empty(count if self.first else 0, dtype=share.dtype)
        for rank in range(self.size):
            place = self.place(count, rank)
            part = share if rank == self.rank else share.new_empty(place.stop - place.start)
            torch.distributed.broadcast(part, rank)
            if self.first:
                vector[place] = part.cpu()
        return vector

    def texts(self, own: str, device: torch.device) -> list[str]:
        """The text of every rank, in their order; it may not end with a zero."""
        if self.size == 1:
            return [own]
        content = torch.frombuffer(bytearray(own.encode()), dtype=torch.uint8)
        # Each row is written by one rank and zero on the others: their sum is all of them.
        width = self.most(len(content), device)
        rows = torch.zeros(self.size, width, dtype=torch.uint8, device=device)
        rows[self.rank, : len(content)] = content.to(device)
        self.add(rows)
        return [bytes(row.tolist()).rstrip(b"\0").decode() for row in rows]

    def wait(self, device: torch.device) -> None:
        """Return when all ranks have come here."""
        self.any((True,), device)


ALONE = Ranks()


def local_device(device: torch.device) -> torch.device:
    """The GPU of this process, where there are several of both."""
    if device.type != "cuda":
        return device
    local = torch.device("cuda", int(os.environ.get(_LOCAL, "0")))
    if local.index >= torch.cuda.device_count():
        raise UserError(
            f"process {local.index} of this node has no GPU: {torch.cuda.device_count()} are there",
            where="resources.train",
            expected="a GPU for every process",
            do="set resources.train.processes to resources.train.gpu",
        )
    return local


@contextmanager
def joined(device: torch.device) -> Iterator[Ranks]:
    """Within, the processes that torchrun started know each other; a process alone is `ALONE`.

    Raises
    ------
    UserError : the environment is not that of torchrun
    """
    size = _number(_SIZE, 1)
    if size == 1:
        yield ALONE
        return
    ranks = Ranks(_number(_RANK, 0), size)
    torch.distributed.init_process_group(
        "nccl" if device.type == "cuda" else "gloo", rank=ranks.rank, world_size=size
    )
    try:
        yield ranks
    finally:
        torch.distributed.destroy_process_group()


def _number(name: str, missing: int) -> int:
    value = os.environ.get(name, str(missing))
    if not value.isdecimal():
        raise UserError(
            f"is {value!r}", where=f"environment variable {name}", expected="a whole number"
        )
    return int(value)
