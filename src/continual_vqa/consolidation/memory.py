"""Which questions of earlier tasks are kept for replay.

Source: VQACL (Zhang et al., CVPR 2023): the memory is shared equally by the earlier tasks and,
within a task, by its concept groups. What a task keeps when more tasks follow is a part of what it
kept before. Among the questions of a cell the seed decides (choice of this project), or an order
that is given, see `herding`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from continual_vqa.config.tasks import TaskKind
from continual_vqa.files.hashing import sha256_bytes
from continual_vqa.shards.order import epoch_order

# One row per kept question: the training cell, the question and its number within the cell.
MEMORY = pa.schema(
    [
        pa.field("cell", pa.string()),
        pa.field("question_id", pa.string()),
        pa.field("number", pa.int64()),
    ]
)

NO_ORDERS: Mapping[str, np.ndarray] = {}


def evenly(total: int, capacities: Sequence[int]) -> list[int]:
    """`total` shared out as equally as the capacities allow; what is left over goes to the first.

    The shares add up to min(total, sum of capacities).
    """
    shares = [0] * len(capacities)
    left = min(total, sum(capacities))
    while left:
        unfilled = [i for i, capacity in enumerate(capacities) if shares[i] < capacity]
        each = max(1, left // len(unfilled))
        for i in unfilled:
            given = min(each, capacities[i] - shares[i], left)
            shares[i] += given
            left -= given
    return shares


def choose(
    counts: Mapping[str, int],
    size: int,
    seed: int,
    kind: TaskKind = "skills",
    orders: Mapping[str, np.ndarray] = NO_ORDERS,
) -> dict[str, np.ndarray]:
    """Numbers of the kept questions of each cell, in the order of their choice.

    Parameters
    ----------
    counts : cell "split/skill/group" -> its number of questions
    size : questions kept in all
    kind : what a task is, which the memory is shared by
    orders : cell -> numbers of its questions, `size` or all of them, the first to keep first;
        without it the seed draws an order
    """
    tasks: dict[str, list[str]] = {}
    for cell in counts:
        tasks.setdefault(cell.rpartition("/")[0] if kind == "skills" else cell, []).append(cell)
    shares = evenly(size, [sum(counts[c] for c in cells) for cells in tasks.values()])
    kept: dict[str, np.ndarray] = {}
    for share, cells in zip(shares, tasks.values(), strict=True):
        parts = evenly(share, [counts[c] for c in cells])
        for part, cell in zip(parts, cells, strict=True):
            order = orders.get(cell)
            if order is None:
                order = epoch_order(counts[cell], _seed(seed, cell), 0)
            kept[cell] = order[:part]
    return kept


def _seed(seed: int, cell: str) -> int:
    return int(sha256_bytes(f"memory\n{seed}\n{cell}".encode())[:16], 16) >> 1
