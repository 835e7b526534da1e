from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from continual_vqa.errors import UserError
from continual_vqa.shards.decode import pixel_decoder
from continual_vqa.shards.loader import PREFETCH, load
from continual_vqa.shards.order import batches
from continual_vqa.shards.reader import Cells, open_cells
from shards.world import Images, jpeg, row, rows, write


@pytest.fixture
def cells(tmp_path: Path) -> Cells:
    write(tmp_path / "cell", rows(12))
    return open_cells([tmp_path / "cell"])


@pytest.mark.parametrize("ranks", [1, 2])
def test_order_is_the_same_for_any_number_of_workers(cells: Cells, ranks: int) -> None:
    decode = pixel_decoder(16)
    results = []
    for workers in (0, 1, 2, 4):
        shares = [
            list(load(cells, batches(len(cells), 5, 3, 1, rank=r, ranks=ranks), workers, decode))
            for r in range(ranks)
        ]
        ids = [[s.question_id for b in share for s in b.samples] for share in shares]
        results.append((ids, [b.arrays for share in shares for b in share]))
    for ids, arrays in results:
        assert ids == results[0][0]
        assert sorted(i for share in ids for i in share) == sorted(cells.question_ids)
        for found, wanted in zip(arrays, results[0][1], strict=True):
            assert (found == wanted).all()


def test_arrays_belong_to_their_samples(cells: Cells) -> None:
    decode = pixel_decoder(16)
    for batch in load(cells, batches(len(cells), 4, 0, 0), 2, decode):
        assert [cells[i] for i in batch.indices.tolist()] == list(batch.samples)
        for sample, array in zip(batch.samples, batch.arrays, strict=True):
            assert (array == decode(sample)).all()


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_damaged_image_stops_at_its_batch_with_shard_and_key(tmp_path: Path, workers: int) -> None:
    content = [row(i, i) for i in range(6)]
    payloads = {f"{i}.jpg": jpeg(i) for i in range(6)} | {"4.jpg": b"broken"}
    write(tmp_path / "cell", content, images=Images(payloads), max_bytes=10**6)
    stream = load(
        open_cells([tmp_path / "cell"]),
        (np.array([i]) for i in range(6)),
        workers,
        pixel_decoder(8),
    )
    assert [next(stream).samples[0].key for _ in range(4)] == ["0", "1", "2", "3"]
    with pytest.raises(UserError, match=r"00000\.tar: image 4 \(question 4\) can not be decoded"):
        next(stream)


def test_no_more_is_decoded_ahead_than_promised(cells: Cells) -> None:
    asked = 0

    def endless():
        nonlocal asked
        while True:
            asked += 1
            yield np.array([0])

    stream = load(cells, endless(), 2, pixel_decoder(8))
    next(stream)
    assert asked == 2 * PREFETCH + 1
    before = threading.active_count()
    stream.close()
    assert threading.active_count() < before


def test_empty_share_of_a_rank_is_an_empty_batch(cells: Cells) -> None:
    (batch,) = load(cells, [np.array([], np.int64)], 1, pixel_decoder(8))
    assert (batch.samples, len(batch.arrays)) == ((), 0)
