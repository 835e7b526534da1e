"""Large official JSON files (an object that holds arrays of records) as Arrow arrays.

Arrow's JSON parser takes the whole file as one record, which costs a quarter of `json.load` and no
Python object per record. What it refuses is read again by the slow, strict parser, which names the
mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as paj

from continual_vqa.data.problems import Problems
from continual_vqa.data.salvage import salvage_arrays, sound_records
from continual_vqa.errors import UserError
from continual_vqa.files.jsons import parse_json
from continual_vqa.files.reading import read_document

SUBSET = "data_subtype"
_BOM = b"\xef\xbb\xbf"
_MAX_BLOCK = 2**31 - 2  # Arrow counts a block's bytes in 32 bits


@dataclass(frozen=True, slots=True)
class Arrays:
    """The record arrays of one file, without nulls, and its official subset ("" if not given)."""

    records: Mapping[str, pa.StructArray]
    subset: str


def read_arrays(
    path: str | Path, fields: Mapping[str, pa.StructType], problems: Problems
) -> Arrays:
    """The arrays of an official file, plain, gzipped or in an archive.

    Parameters
    ----------
    fields : name of an array -> the fields of its records that are read; all must be there
    problems : malformed records are added to it and left out; so is a damaged file when
        `problems.skip` is set, and its whole records are kept

    Raises
    ------
    UserError : the file is missing, damaged (unless skipping), or holds no such array
    """
    content = read_document(path)
    content = content[len(_BOM) :] if content.startswith(_BOM) else content
    return _fast(content, fields) or _strict(content, path, fields, problems)


def _fast(content: bytes, fields: Mapping[str, pa.StructType]) -> Arrays | None:
    """The arrays, or None when anything is unusual."""
    if len(content) > _MAX_BLOCK:
        return None
    lists = [pa.field(name, pa.list_(record)) for name, record in fields.items()]
    try:
        document = paj.read_json(
            pa.BufferReader(content),
            read_options=paj.ReadOptions(block_size=len(content) + 1),
            parse_options=paj.ParseOptions(
                explicit_schema=pa.schema([pa.field(SUBSET, pa.string()), *lists]),
                newlines_in_values=b"\n" in content.rstrip(),
                unexpected_field_behavior="ignore",
            ),
        )
        if document.num_rows != 1 or any(document[name].null_count for name in fields):
            return None
        document.validate(full=True)
    except pa.ArrowException:
        return None
    records = {name: pc.list_flatten(document[name].chunk(0)) for name in fields}
    if not all(map(_complete, records.values())):
        return None
    return Arrays(records, document[SUBSET][0].as_py() or "")


def _complete(array: pa.Array) -> bool:
    """Whether no value is null or NaN at any depth, and no list is empty."""
    if array.null_count:
        return False
    if pa.types.is_struct(array.type):
        return all(_complete(array.field(i)) for i in range(array.type.num_fields))
    if pa.types.is_list(array.type):
        shortest = pc.min(pc.list_value_length(array)).as_py()
        return shortest != 0 and _complete(array.flatten())
    # Arrow's parser takes NaN and Infinity, which JSON does not have.
    return not pa.types.is_floating(array.type) or pc.all(pc.is_finite(array)).as_py() is not False


def _strict(
    content: bytes, path: str | Path, fields: Mapping[str, pa.StructType], problems: Problems
) -> Arrays:
    try:
        document = parse_json(content, path)
    except UserError as error:
        if not problems.skip:
            raise
        document = salvage_arrays(content, tuple(fields))
        kept = sum(len(document[name]) for name in fields)
        problems.add("damaged_files", path, [f"{error.what}; its first {kept:,} records are kept"])
    if not isinstance(document, dict):
        raise UserError(
            f"holds a {type(document).__name__}",
            where=path,
            expected=f"an object with {' and '.join(map(repr, fields))}, as in the official file",
        )
    records = {}
    for name, record in fields.items():
        listed = document.get(name)
        if not isinstance(listed, list):
            known = ", ".join(map(repr, list(document)[:8])) or "nothing"
            raise UserError(
                f"has no list {name!r}; it holds {known}",
                where=path,
                expected=f"an object with {name!r}, as in the official file",
                do="check that the right file is given",
            )
        sound, bad = sound_records(listed, record)
        problems.add("malformed_records", path, [f"{name}, {reason}" for reason in bad])
        records[name] = pa.array(sound, record)
    subset = document.get(SUBSET)
    return Arrays(records, subset if isinstance(subset, str) else "")
