"""Decoded batches in an exact order, with worker threads.

Threads, because Pillow decodes and resizes without holding Python's lock: no copies between
processes, nothing to start, and the order is that of the batches whatever the number of workers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from continual_vqa.shards.decode import Decoder
from continual_vqa.shards.sample import Sample

# Batches decoded ahead, per worker.
PREFETCH = 2


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples in order, and their decoded payloads stacked: `arrays[i]` belongs to `samples[i]`."""

    indices: np.ndarray
    samples: tuple[Sample, ...]
    arrays: np.ndarray


def load(
    cells: Sequence[Sample], batches: Iterable[np.ndarray], workers: int, decode: Decoder
) -> Iterator[Batch]:
    """Decode `batches` of indices into `cells`, in their order.

    Parameters
    ----------
    cells : see `reader.open_cells`
    batches : arrays of indices, such as from `order.batches`; taken as they are needed
    workers : threads; 0 decodes in the calling thread
    decode : of one sample; all arrays of a batch have the same shape

    Raises
    ------
    UserError : at the batch that holds a damaged sample, naming shard and key; the batches
        before it are yielded
    """
    if workers < 0:
        raise ValueError(f"{workers} workers")
    if workers == 0:
        for indices in batches:
            yield _batch(cells, indices, decode)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")
    try:
        waiting: deque[Future[Batch]] = deque()
        for indices in batches:
            waiting.append(pool.submit(_batch, cells, indices, decode))
            if len(waiting) > PREFETCH * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        # Also reached when the consumer stops early.
        pool.shutdown(cancel_futures=True)


def _batch(cells: Sequence[Sample], indices: np.ndarray, decode: Decoder) -> Batch:
    samples = tuple(cells[index] for index in indices.tolist())
    arrays = [decode(sample) for sample in samples]
    stacked = np.stack(arrays) if arrays else np.empty(0)
    return Batch(indices, samples, stacked)
