"""Parquet tables with a schema that is checked when written and when read.

Every table carries a *note* (string keys and values) in its file metadata: what made it; and the
CRC-32 of the whole file (`files.checksums`), which is compared whenever it is opened. A file by
others has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from continual_vqa.errors import UserError, naming
from continual_vqa.files import checksums
from continual_vqa.files.atomic import atomic_path
from continual_vqa.files.reading import ordinary_size

# A file of a few bytes can claim any number of rows, and repeat one long text in each of them.
# Choices of this project: every row of a study's tables has an id of its own, hence its bytes.
MAX_ROWS_PER_BYTE = 16
FREE_ROWS = 1_000_000
MAX_TEXT_PER_BYTE = 200
FREE_TEXT = 1 << 30
# What Arrow raises for damage, beside OSError.
_BROKEN = (pa.ArrowException, UnicodeDecodeError, ValueError)
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
    opened, found = _open(path)
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
            _check_texts(path, table)
            table = table.cast(pa.schema([schema.field(name) for name in wanted]))
            # Parquet's readers take any bytes for a text.
            table.validate(full=True)
    except _BROKEN as error:
        raise _damaged(path, error) from error
    return table.replace_schema_metadata(None)


def read_note(path: str | Path) -> dict[str, str]:
    """The note that `write_table` stored in `path`."""
    metadata = _open(path)[1].metadata or {}
    try:
        return {
            key.decode().removeprefix(_PREFIX): value.decode()
            for key, value in metadata.items()
            if key.startswith(_PREFIX.encode()) and key != checksums.KEY.encode()
        }
    except UnicodeDecodeError as error:
        raise _damaged(path, error) from error


def read_any(path: str | Path) -> pa.Table:
    """The table in `path`, whatever its columns; errors as of `read_table`."""
    return read_table(path, _open(path)[1])


def _open(path: str | Path) -> tuple[pq.ParquetFile, pa.Schema]:
    """The file, its texts to be read as dictionaries, and the schema that was written."""
    size = ordinary_size(path)
    with naming(path, "read"):
        content = Path(path).read_bytes()
    _check(path, content)
    try:
        with naming(path, "read"):
            about = pq.ParquetFile(pa.BufferReader(content))
            written, claimed = about.schema_arrow, about.metadata.num_rows
            texts = [
                about.schema.column(place).path
                for place in range(len(about.schema))
                if about.schema.column(place).physical_type == "BYTE_ARRAY"
            ]
            opened = pq.ParquetFile(pa.BufferReader(content), read_dictionary=texts)
    except _BROKEN as error:
        raise _damaged(path, error) from error
    limit = max(FREE_ROWS, MAX_ROWS_PER_BYTE * size)
    if claimed > limit:
        raise UserError(
            f"claims {claimed:,} rows in {size:,} bytes", where=path, expected=f"at most {limit:,}"
        )
    return opened, written


def _check_texts(path: str | Path, table: pa.Table) -> None:
    """Refuse texts that are few in the file and many gigabytes in memory."""
    total = 0
    for column in table.columns:
        for chunk in column.chunks:
            array = chunk.flatten() if pa.types.is_list(chunk.type) else chunk
            if pa.types.is_dictionary(array.type):
                lengths = pc.binary_length(array.dictionary).take(array.indices)
                total += pc.sum(pc.cast(lengths, pa.int64())).as_py() or 0
    limit = max(FREE_TEXT, MAX_TEXT_PER_BYTE * ordinary_size(path))
    if total > limit:
        raise UserError(f"holds {total:,} bytes of text", where=path, expected=f"at most {limit:,}")


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
