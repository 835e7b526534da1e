"""The peers of the reading benchmark, apart so that their imports burden only themselves."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence

import numpy as np
from PIL import Image
from webdataset.compat import WebDataset, WebLoader


def webdataset(shards: Sequence[str]) -> int:
    """Stock webdataset in one process, nothing decoded."""
    return sum(len(sample["jpg"]) for sample in WebDataset(list(shards), shardshuffle=False))


def standard_tarfile(shards: Sequence[str]) -> int:
    """The standard library's `tarfile`, nothing decoded."""
    total = 0
    for shard in shards:
        with tarfile.open(shard, "r:") as opened:
            for member in opened:
                content = opened.extractfile(member)
                assert content is not None
                data = content.read()
                total += len(data) if member.name.endswith(".jpg") else 0
    return total


def webdataset_decoded(
    shards: Sequence[str], size: int, workers: int, batch_size: int, bilinear: bool
) -> int:
    """Stock webdataset with Pillow in worker processes; `bilinear` as ours, or Pillow's default."""
    dataset = WebDataset(list(shards), shardshuffle=False).map(_Decode(size, bilinear))
    loader = WebLoader(dataset, batch_size=batch_size, num_workers=workers)
    return sum(len(batch) for batch in loader)


class _Decode:
    def __init__(self, size: int, bilinear: bool) -> None:
        self._size = (size, size)
        self._filter = Image.Resampling.BILINEAR if bilinear else None

    def __call__(self, sample: dict) -> np.ndarray:
        image = Image.open(io.BytesIO(sample["jpg"])).convert("RGB")
        return np.array(image.resize(self._size, self._filter))
