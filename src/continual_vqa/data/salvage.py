"""The slow way through a damaged file: which records are sound, and what is wrong with the rest."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from continual_vqa.files.jsons import is_unicode, strict_decoder

_SPACE = re.compile(r"[ \t\r\n]*")
_SEPARATOR = re.compile(r"[ \t\r\n]*,?[ \t\r\n]*")
_NAMES = {bool: "true/false", int: "a whole number", float: "a number", str: "a text"}
_NAMES |= {list: "a list", dict: "an object", type(None): "null"}


def salvage_arrays(content: bytes, names: Sequence[str]) -> dict[str, Any]:
    """The whole records of the named arrays, up to where the file is damaged."""
    text = content.decode("utf-8", errors="replace")
    return {name: _whole_records(text, name) for name in names}


def _whole_records(text: str, name: str) -> list[object]:
    start = re.search(rf'"{re.escape(name)}"[ \t\r\n]*:[ \t\r\n]*\[', text)
    if start is None:
        return []
    decoder = strict_decoder(text.encode())
    position = _SPACE.match(text, start.end()).end()  # type: ignore[union-attr]
    records = []
    while text[position : position + 1] == "{":
        try:
            record, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            break
        records.append(record)
        position = _SEPARATOR.match(text, position).end()  # type: ignore[union-attr]
    return records


def sound_records(
    records: Sequence[object], fields: pa.StructType
) -> tuple[list[dict[str, Any]], list[str]]:
    """The records that have every field of the right type, cut to these fields; and, for each of
    the others, its number (from 1) and what is wrong."""
    sound, bad = [], []
    for number, record in enumerate(records, 1):
        mistake = _mistake(record, fields)
        if mistake:
            bad.append(f"record {number}{_identity(record)}: {mistake}")
        else:
            sound.append(_cut(record, fields))
    return sound, bad


def _identity(record: object) -> str:
    if not isinstance(record, Mapping):
        return ""
    found = next((key for key in ("question_id", "id") if key in record), None)
    return f" ({found} {str(record[found])[:40]})" if found else ""


def _mistake(value: object, kind: pa.DataType) -> str:
    """What is wrong with `value`, or ""."""
    if pa.types.is_struct(kind):
        if not isinstance(value, Mapping):
            return f"is {_name(value)}, not an object"
        for field in kind:
            if field.name not in value:
                return f"has no {field.name!r}"
            if mistake := _mistake(value[field.name], field.type):
                return f"{field.name!r} {mistake}"
        return ""
    if pa.types.is_list(kind):
        if not isinstance(value, list):
            return f"is {_name(value)}, not a list"
        if not value:
            return "is an empty list"
        return next(filter(None, (_mistake(each, kind.value_type) for each in value)), "")
    return _scalar_mistake(value, kind)


def _scalar_mistake(value: object, kind: pa.DataType) -> str:
    if pa.types.is_string(kind):
        if not isinstance(value, str):
            return f"is {_name(value)}, not a text"
        return "" if is_unicode(value) else "is not valid Unicode"
    if pa.types.is_integer(kind):
        if not isinstance(value, int) or isinstance(value, bool):
            return f"is {_name(value)}, not a whole number"
        return "" if -(2**63) <= value < 2**63 else "is too large"
    if not isinstance(value, int | float) or isinstance(value, bool):
        return f"is {_name(value)}, not a number"
    return "" if math.isfinite(value) else "is not finite"


def _cut(value: Any, kind: pa.DataType) -> Any:
    if pa.types.is_struct(kind):
        return {field.name: _cut(value[field.name], field.type) for field in kind}
    if pa.types.is_list(kind):
        return [_cut(each, kind.value_type) for each in value]
    return value


def _name(value: object) -> str:
    return _NAMES.get(type(value), type(value).__name__)
