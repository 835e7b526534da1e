from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.errors import UserError
from continual_vqa.shards.order import Cursor, batches, epoch_order

N = st.integers(0, 300)
SIZE = st.integers(1, 40)
SEED = st.integers(0, 2**64 - 1)
EPOCH = st.integers(0, 50)


@given(N, SEED, EPOCH)
def test_order_is_a_permutation(n: int, seed: int, epoch: int) -> None:
    order = epoch_order(n, seed, epoch)
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(n))
    assert (order == epoch_order(n, seed, epoch)).all()


def test_order_never_changes() -> None:
    # Pinned: a study that is resumed with a newer version must go on in the same order.
    assert epoch_order(10, 0, 0).tolist() == PINNED[0]
    assert epoch_order(10, 7, 3).tolist() == PINNED[1]


PINNED = ([0, 2, 9, 1, 8, 5, 4, 3, 6, 7], [2, 5, 9, 7, 3, 0, 6, 8, 4, 1])


@given(st.integers(20, 300), st.integers(0, 2**32), EPOCH)
def test_other_seeds_and_epochs_give_other_orders(n: int, seed: int, epoch: int) -> None:
    orders = {
        tuple(epoch_order(n, *pair).tolist())
        for pair in ((seed, epoch), (seed + 1, epoch), (seed, epoch + 1), (seed + 1, epoch + 1))
    }
    assert len(orders) == 4


def test_every_position_is_equally_likely() -> None:
    counts = np.zeros((6, 6), int)
    for epoch in range(3000):
        counts[np.arange(6), epoch_order(6, 11, epoch)] += 1
    # 500 expected, standard deviation 20.
    assert abs(counts - 500).max() < 110


@given(N, SIZE, SEED, EPOCH, st.sampled_from([1, 2, 3]))
def test_ranks_share_one_global_order(n: int, size: int, seed: int, epoch: int, ranks: int) -> None:
    alone = list(batches(n, size, seed, epoch))
    shares = [list(batches(n, size, seed, epoch, rank=r, ranks=ranks)) for r in range(ranks)]
    assert len({len(share) for share in shares}) == 1
    for step, whole in enumerate(alone):
        for rank in range(ranks):
            assert (shares[rank][step] == whole[rank::ranks]).all()
    seen = [index for share in shares for part in share for index in part.tolist()]
    assert sorted(seen) == list(range(n))


@given(N, SIZE, SEED, st.data())
def test_start_continues_the_same_order(n: int, size: int, seed: int, data: st.DataObject) -> None:
    whole = list(batches(n, size, seed, 0))
    done = data.draw(st.integers(0, len(whole)))
    rest = list(batches(n, size, seed, 0, start=min(n, done * size)))
    assert [part.tolist() for part in rest] == [part.tolist() for part in whole[done:]]


@given(st.integers(1, 100), SIZE, SEED)
def test_padded_batches_are_all_full(n: int, size: int, seed: int) -> None:
    padded = list(batches(n, size, seed, 0, pad=True))
    assert {len(part) for part in padded} == {size}
    assert np.concatenate(padded)[:n].tolist() == epoch_order(n, seed, 0).tolist()


@given(st.integers(1, 60), SIZE, SEED, st.integers(1, 3), st.data())
def test_resumed_cursor_goes_on_as_if_uninterrupted(
    n: int, size: int, seed: int, epochs: int, data: st.DataObject
) -> None:
    whole = list(Cursor(seed).batches(n, size, epochs))
    assert sum(len(part) for part, _ in whole) == n * epochs
    stop = data.draw(st.integers(0, len(whole) - 1))
    saved = Cursor.from_dict(whole[stop][1].as_dict())
    rest = list(saved.batches(n, size, epochs))
    assert [(p.tolist(), c) for p, c in rest] == [(p.tolist(), c) for p, c in whole[stop + 1 :]]


@pytest.mark.parametrize(
    "content", [None, {}, {"seed": 1, "epoch": 0, "position": -1}, {"seed": "1"}]
)
def test_odd_cursor_is_refused(content: object) -> None:
    with pytest.raises(UserError, match="no data cursor"):
        Cursor.from_dict(content, "state.json")


@pytest.mark.parametrize(
    "wrong", [{"batch_size": 0}, {"rank": 2, "ranks": 2}, {"start": 11}, {"seed": -1}]
)
def test_wrong_arguments_are_refused(wrong: dict[str, int]) -> None:
    arguments = {"n": 10, "batch_size": 2, "seed": 0, "epoch": 0} | wrong
    with pytest.raises(ValueError):
        list(batches(**arguments))
