from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.shards import arrow


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_strings_are_what_pyarrow_makes(values: list[str]) -> None:
    assert arrow.strings(values).equals(pa.array(values, pa.string()))


@given(st.lists(st.integers(-(2**63), 2**63 - 1)), st.integers(0, 3))
def test_numbers_go_there_and_back(values: list[int], start: int) -> None:
    array = arrow.numbers(np.array(values, np.int64))
    assert array.equals(pa.array(values, pa.int64()))
    chunked = pa.chunked_array([array, array.slice(start)], pa.int64())
    assert arrow.to_numpy(chunked).tolist() == values + values[start:]


def test_byte_strings_of_one_width() -> None:
    assert arrow.fixed([b"ab", b"cd"], 2).to_pylist() == [b"ab", b"cd"]
    assert arrow.fixed([None, None], 2).to_pylist() == [None, None]
    with pytest.raises(ValueError):
        arrow.fixed([b"ab", None], 2)
