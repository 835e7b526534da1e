from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from continual_vqa.errors import UserError
from continual_vqa.shards.tables import INDEX_FILE
from continual_vqa.shards.verify import verify_cell
from shards.world import files, flip, rows, write


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify") / "cell"
    write(folder, rows(5), max_bytes=6000)
    return folder


def test_whole_cell_is_accepted(cell: Path) -> None:
    verified = verify_cell(cell)
    assert (verified.questions, verified.images, verified.checksums) == (9, 5, True)


def test_empty_cell_is_accepted(tmp_path: Path) -> None:
    write(tmp_path / "cell", [])
    assert verify_cell(tmp_path / "cell").questions == 0


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_flipped_byte_is_found_and_named(cell: Path, data: st.DataObject) -> None:
    shards = sorted(cell.glob("*.tar"))
    path = data.draw(st.sampled_from(shards))
    position = data.draw(st.integers(0, path.stat().st_size - 1))
    with tarfile.open(path) as opened:
        members = opened.getmembers()
    # A sample starts at its first member's header and ends where the next one starts.
    starts = [(member.offset, member.name.partition(".")[0]) for member in members[::2]]
    end = members[-1].offset_data + members[-1].size
    end += -end % 512
    whole = path.read_bytes()
    flip(path, position, data.draw(st.integers(1, 255)))
    try:
        with pytest.raises(UserError) as caught:
            verify_cell(cell)
    finally:
        path.write_bytes(whole)
    assert path.name in str(caught.value)
    if position < end:
        key = [name for start, name in starts if start <= position][-1]
        assert f"image {key}: " in str(caught.value)


@pytest.mark.parametrize("extra", [-1, -512, 1, 10_240])
def test_shard_of_another_size_is_named(tmp_path: Path, extra: int) -> None:
    write(tmp_path / "cell")
    path = sorted((tmp_path / "cell").glob("*.tar"))[0]
    content = path.read_bytes()
    path.write_bytes(content[:extra] if extra < 0 else content + bytes(extra))
    with pytest.raises(UserError, match=r"00000\.tar: (truncated|the shard is longer)"):
        verify_cell(tmp_path / "cell")


def test_index_of_other_questions_is_found(tmp_path: Path) -> None:
    write(tmp_path / "a", rows(3))
    write(tmp_path / "b", [entry | {"answer": "77"} for entry in rows(3)])
    index = files(tmp_path / "b")[INDEX_FILE]
    (tmp_path / "a" / INDEX_FILE).write_bytes(index)
    with pytest.raises(UserError, match=r"00000\.tar: image 0: damaged \.json"):
        verify_cell(tmp_path / "a")


def test_without_checksums_a_payload_is_not_compared(tmp_path: Path) -> None:
    write(tmp_path / "cell", checksums=False)
    path = sorted((tmp_path / "cell").glob("*.tar"))[0]
    flip(path, 512 + 50)
    assert verify_cell(tmp_path / "cell").checksums is False
    flip(path, 3)
    with pytest.raises(UserError, match=r"image 0: damaged \.jpg header"):
        verify_cell(tmp_path / "cell")
