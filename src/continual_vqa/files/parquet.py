"""Parquet tables with a schema that is checked when written and when read.

Every table carries a *note* (string keys and values) in its file metadata: what made it; and the
CRC-32 of the whole file (`files.checksums`), which is compared whenever it is opened. A file by
others has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from continual_vqa.errors import UserError, naming
from continual_vqa.files import checksums
from continual_vqa.files.atomic import atomic_path

_PREFIX = "continual_vqa."


def write_table(
    path: str | Path, table: pa.Table, schema: pa.Schema, *, note: Mapping[str, str] | None = None
) -> None:
    """Write `table` (columns as in `schema`, in that order) atomically and with reproducible bytes.

    Raises
    ------
    ValueError : the table does not have the schema (a bug of the caller)
    """
    if not table.schema.equals(schema):
        raise ValueError(f"table for {path} has schema\n{table.schema}\nexpected\n{schema}")
    metadata = {f"{_PREFIX}{key}": value for key, value in sorted((note or {}).items())}
    table = table.replace_schema_metadata(metadata)
    with atomic_path(path) as temporary:
        with pq.ParquetWriter(
            temporary, table.schema, compression="zstd", compression_level=3
        ) as writer:
            writer.write_table(table)
            writer.add_key_value_metadata({checksums.KEY: checksums.blank(1)})
        content = temporary.read_bytes()
        place = content.rindex(checksums.blank(1).encode()) + len(checksums.MARK) + 1
        with temporary.open("r+b") as handle:
            handle.seek(place)
            handle.write(f"{checksums.own_sum(content, place):08x}".encode())


def read_table(
    path: str | Path, schema: pa.Schema, columns: Sequence[str] | None = None
) -> pa.Table:
    """The table in `path`, or its `columns`.

    Raises
    ------
    UserError : missing or damaged file, or columns that differ from `schema`
    """
    opened = _open(path)
    found = opened.schema_arrow
    wanted = schema.names if columns is None else list(columns)
    for name in wanted:
        position = found.get_field_index(name)
        if position < 0:
            raise UserError(
                f"has no column {name!r}",
                where=path,
                expected=", ".join(schema.names),
                do="make the file again with this version",
            )
        if found.field(position).type != schema.field(name).type:
            raise UserError(
                f"column {name!r} is {found.field(position).type}",
                where=path,
                expected=str(schema.field(name).type),
                do="make the file again with this version",
            )
    try:
        with naming(path, "read"):
            table = opened.read(columns=wanted, use_threads=False)
    except pa.ArrowException as error:
        raise _damaged(path, error) from error
    return table.replace_schema_metadata(None).cast(pa.schema([schema.field(n) for n in wanted]))


def read_note(path: str | Path) -> dict[str, str]:
    """The note that `write_table` stored in `path`."""
    metadata = _open(path).metadata.metadata or {}
    return {
        key.decode().removeprefix(_PREFIX): value.decode()
        for key, value in metadata.items()
        if key.startswith(_PREFIX.encode()) and key != checksums.KEY.encode()
    }


def _open(path: str | Path) -> pq.ParquetFile:
    with naming(path, "read"):
        content = Path(path).read_bytes()
    _check(path, content)
    try:
        return pq.ParquetFile(pa.BufferReader(content))
    except pa.ArrowException as error:
        raise _damaged(path, error) from error


def _check(path: str | Path, content: bytes) -> None:
    """Refuse a file whose checksum is not that of its bytes."""
    mark = content.rfind(f"{checksums.MARK} ".encode())
    if mark < 0 and content.rfind(checksums.KEY.encode()) < 0:
        return
    place = mark + len(checksums.MARK) + 1
    try:
        (own,) = checksums.parse(content[max(mark, 0) : place + 8].decode("latin-1"), 1)
    except ValueError as error:
        raise _damaged(path, error) from error
    if content.rfind(checksums.KEY.encode()) < 0 or checksums.own_sum(content, place) != own:
        raise _damaged(path, ValueError("its bytes are not those that were written"))


def _damaged(path: str | Path, error: Exception) -> UserError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return UserError(
        f"damaged Parquet file: {reason}",
        where=path,
        do="delete it and run the workflow again: it will be made anew",
    )
