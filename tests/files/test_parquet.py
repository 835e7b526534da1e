"""Tables keep their schema, their note and their bytes."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from continual_vqa.errors import UserError
from continual_vqa.files.parquet import read_note, read_table, write_table

SCHEMA = pa.schema([("name", pa.string()), ("answers", pa.list_(pa.string())), ("n", pa.int64())])
TABLE = pa.table({"name": ["a", "b"], "answers": [["x"], []], "n": [1, 2]}, schema=SCHEMA)


def test_round_trip_with_note(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_table(path, TABLE, SCHEMA, note={"made by": "a test"})
    assert read_table(path, SCHEMA).equals(TABLE)
    assert read_table(path, SCHEMA, ["n"]).column_names == ["n"]
    assert read_note(path) == {"made by": "a test"}


def test_same_table_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_table(tmp_path / name, TABLE, SCHEMA, note={"b": "2", "a": "1"})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_table_of_another_schema_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected"):
        write_table(tmp_path / "t", TABLE.drop_columns("n"), SCHEMA)
    assert list(tmp_path.iterdir()) == []


def test_a_table_of_another_schema_is_refused_when_read(tmp_path: Path) -> None:
    other = pa.schema([("name", pa.string()), ("n", pa.string())])
    write_table(tmp_path / "t", pa.table({"name": ["a"], "n": ["1"]}, schema=other), other)
    with pytest.raises(UserError, match="no column 'answers'"):
        read_table(tmp_path / "t", SCHEMA)
    with pytest.raises(UserError, match="column 'n' is string; expected int64"):
        read_table(tmp_path / "t", SCHEMA, ["n"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(0, 0.999))
def test_a_truncated_file_is_refused(tmp_path: Path, cut: float) -> None:
    path = tmp_path / "t.parquet"
    write_table(path, TABLE, SCHEMA)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * cut)])
    with pytest.raises(UserError, match="damaged Parquet"):
        read_table(path, SCHEMA)


def test_a_file_that_unpacks_to_far_more_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.parquet"
    text = pa.array(["x" * 1_000_000])
    places = pa.array([0] * 2_000, pa.int32())
    bomb = pa.table({"a": pa.DictionaryArray.from_arrays(places, text)})
    pq.write_table(bomb, path, compression="zstd", store_schema=False)
    assert path.stat().st_size < 2_000
    schema = pa.schema([pa.field("a", pa.string())])
    with pytest.raises(UserError, match=r"bomb\.parquet: holds 2,000,000,000 bytes of text"):
        read_table(path, schema)
    pq.write_table(pa.table({"a": pa.nulls(1_000_001, pa.string())}), path)
    with pytest.raises(UserError, match="claims 1,000,001 rows in"):
        read_table(path, schema)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.parquet"
    schema = pa.schema([pa.field("a", pa.string())])
    wrong = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff\xfe"], pa.binary()).buffers())
    pq.write_table(pa.table([wrong], schema=schema), path)
    with pytest.raises(UserError, match=r"odd\.parquet: damaged Parquet file"):
        read_table(path, schema)


def test_a_flipped_bit_of_any_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_table(path, TABLE, SCHEMA, note={"task": "color"})
    content = path.read_bytes()
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        for read in (lambda: read_table(path, SCHEMA), lambda: read_note(path)):
            with pytest.raises(UserError, match="damaged Parquet"):
                read()


def test_a_table_by_others_has_no_checksum(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(TABLE, path)
    assert read_table(path, SCHEMA).equals(TABLE)
    write_table(path, TABLE, SCHEMA)
    assert pq.read_table(path).equals(TABLE)
