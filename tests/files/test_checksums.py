"""Sums are of the bytes that they stand for, however the bytes come."""

from __future__ import annotations

import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.files import checksums


@given(content=st.binary(max_size=40), cuts=st.lists(st.integers(0, 40)), ends=st.data())
def test_pieces_of_any_size_give_the_sums_of_the_stretches(
    content: bytes, cuts: list[int], ends: st.DataObject
) -> None:
    places = sorted({0, len(content), *(cut for cut in cuts if cut <= len(content))})
    pieces = [content[a:b] for a, b in pairwise(places)]
    sizes = ends.draw(st.lists(st.integers(0, 12)).filter(lambda s: sum(s) <= len(content)))
    sums: list[int] = []
    assert b"".join(checksums.summed(pieces, sizes, sums)) == content
    begin = 0
    for size, found in zip(sizes, sums, strict=True):
        assert found == zlib.crc32(content[begin : begin + size])
        begin += size


@given(sums=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=4))
def test_a_text_is_read_back_and_has_a_known_length(sums: list[int]) -> None:
    text = checksums.filled(sums)
    assert checksums.parse(text, len(sums)) == sums
    assert len(text) == len(checksums.blank(len(sums)))
    with pytest.raises(ValueError, match="unreadable"):
        checksums.parse(text, len(sums) + 1)


def test_a_sum_within_its_own_content_counts_as_zero() -> None:
    content = b"before 00000000 after"
    own = checksums.own_sum(content, 7)
    assert own == zlib.crc32(content)
    assert checksums.own_sum(content.replace(b"00000000", f"{own:08x}".encode()), 7) == own
