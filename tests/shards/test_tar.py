from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from continual_vqa.errors import UserError
from continual_vqa.shards import tar

NAME = st.text("abcXYZ019_-%.", min_size=1, max_size=100).filter(lambda n: n.strip("."))


@given(NAME, st.integers(0, tar.MAX_SIZE))
def test_header_is_what_the_standard_library_reads(name: str, size: int) -> None:
    info = tarfile.TarInfo.frombuf(tar.header(name.encode(), size), "utf-8", "strict")
    assert (info.name, info.size, info.mtime, info.mode) == (name, size, 0, 0o444)
    assert (info.uid, info.gid, info.type) == (0, 0, tarfile.REGTYPE)


@given(st.lists(st.binary(max_size=1500), max_size=4))
def test_members_follow_each_other(contents: list[bytes]) -> None:
    packed = b"".join(
        tar.header(b"%d.jpg" % i, len(c)) + c + bytes(tar.padding(len(c)))
        for i, c in enumerate(contents)
    )
    with tarfile.open(fileobj=io.BytesIO(packed + tar.TRAILER), mode="r:") as opened:
        found = [opened.extractfile(member).read() for member in opened]
    assert found == contents


@given(st.text(min_size=1))
def test_keys_are_safe_and_can_be_turned_back(image_id: str) -> None:
    try:
        image_id.encode()
    except UnicodeEncodeError:
        return
    key = tar.key_of(image_id)
    assert not set(key) & set("./\\ \0")
    assert tar.image_id_of(key) == image_id


def test_long_name_is_refused() -> None:
    tar.member_name("k" * 96, "jpg")
    with pytest.raises(UserError, match="101 bytes"):
        tar.member_name("k" * 97, "jpg")


def test_huge_member_is_refused() -> None:
    with pytest.raises(UserError, match="8 GiB"):
        tar.header(b"a.jpg", 8**11)


@pytest.mark.parametrize("cell", ["", "../x", "a b", "train/../../x", "/train"])
def test_cell_name_that_is_no_name_is_refused(cell: str) -> None:
    with pytest.raises(UserError, match="cell"):
        tar.shard_name(cell, 0)


def test_shard_name_says_the_cell() -> None:
    assert tar.shard_name("train/count/G1", 12) == "train-count-G1-00012.tar"
    assert tar.shard_name("test/count/", 0) == "test-count-none-00000.tar"
    assert tar.shard_name("test/count~1/G2", 0) == "test-count~1-G2-00000.tar"
