from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from continual_vqa.errors import UserError
from continual_vqa.files.parquet import read_note, write_table
from continual_vqa.shards.index import read_index
from continual_vqa.shards.tables import INDEX, INDEX_FILE
from shards.world import flip, write

Note = dict[str, str]


def rewrite(folder: Path, change_note: Note | None = None, **columns: pa.Array) -> None:
    """Replace parts of an index, as a person or another program could."""
    path = folder / INDEX_FILE
    table, note = read_index(folder).table, read_note(path) | (change_note or {})
    for name, values in columns.items():
        table = table.set_column(table.schema.get_field_index(name), INDEX.field(name), values)
    write_table(path, table.cast(INDEX), INDEX, note=note)


def test_note_and_rows_are_read(tmp_path: Path) -> None:
    summary = write(tmp_path / "cell")
    index = read_index(tmp_path / "cell")
    assert index.note.cell == summary.cell
    assert index.note.images == summary.images
    assert sum(shard.bytes for shard in index.note.shards) == summary.bytes
    assert index.table.num_rows == summary.questions


def test_missing_cell_and_missing_index_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="gone: no such cell"):
        read_index(tmp_path / "gone")
    with pytest.raises(UserError, match=r"index\.parquet"):
        read_index(tmp_path)


@pytest.mark.parametrize(
    ("note", "message"),
    [
        ({"version": "3"}, "index of version 3; expected version 1 or 2"),
        ({"format": "other"}, "is not the index of a cell"),
        ({"shards": "["}, "damaged note"),
        ({"shards": "[]"}, "names a shard that is not listed"),
        ({"shards": '[{"name": "../../etc/a-00000.tar", "bytes": 9}]'}, "names the shard"),
        ({"shards": '[{"name": "/etc/a-00000.tar", "bytes": 9}]'}, "names the shard"),
        ({"shards": '[{"name": "a-00000.tar"}]'}, "damaged note"),
        ({"extension": "../x"}, "names the extension"),
        ({"images": "5000"}, "do not fit 5,000 images"),
        ({"pairs": "yes"}, "second images do not fit the note"),
    ],
)
def test_wrong_note_is_refused(tmp_path: Path, note: Note, message: str) -> None:
    write(tmp_path / "cell", max_bytes=10**6)
    rewrite(tmp_path / "cell", note)
    with pytest.raises(UserError, match=message):
        read_index(tmp_path / "cell")


@pytest.mark.parametrize(
    ("column", "change", "message"),
    [
        ("payload_offset", lambda c: pc.add(c, 10**9), "payload of question 0 lies outside"),
        ("payload_offset", lambda c: pc.negate(c), "lies outside"),
        ("payload_bytes", lambda c: pc.add(c, 10**9), "payload of question 0 lies outside"),
        ("json_bytes", lambda c: pc.add(c, 2**62), "json of question 0 lies outside"),
        ("json_offset", lambda c: pa.nulls(len(c), c.type), "has empty entries"),
        ("shard", lambda c: pc.add(c, pa.scalar(7, pa.int32())), "shard that is not listed"),
        ("key", lambda c: pc.binary_join_element_wise("../", c, ""), "keys do not fit"),
    ],
)
def test_wrong_places_are_refused(
    tmp_path: Path, column: str, change: Callable[[pa.Array], pa.Array], message: str
) -> None:
    write(tmp_path / "cell")
    rewrite(tmp_path / "cell", **{column: change(read_index(tmp_path / "cell").table[column])})
    with pytest.raises(UserError, match=message):
        read_index(tmp_path / "cell")


def test_damaged_index_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "cell")
    flip(tmp_path / "cell" / INDEX_FILE, -3)
    with pytest.raises(UserError, match=r"index\.parquet: damaged"):
        read_index(tmp_path / "cell")
