"""Records of official files, one after the other, as rows of schema RAW; the bad ones counted."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from continual_vqa.data.problems import Problems
from continual_vqa.data.tables import RAW
from continual_vqa.errors import UserError
from continual_vqa.files.jsons import is_unicode, parse_json
from continual_vqa.files.reading import read_document

# What an image-only question says (ATLAS).
THIS_IS_AN_IMAGE = "This is an image."
# An id that becomes a file's name: nothing in it leads to another folder.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")

# (question files, annotation files, problems) -> table with schema RAW, in file order
Reader = Callable[[Sequence[str | Path], Sequence[str | Path], Problems], pa.Table]


class BadRecord(Exception):
    """What is wrong with a record; `kind` as in `problems.KINDS`."""

    def __init__(self, what: str, kind: str = "malformed_records") -> None:
        super().__init__(what)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Row:
    """One question of a format with a single answer; the columns of RAW that it fills.

    An image's name may have a folder in it; see RAW.
    """

    question_id: str
    question: str
    answer: str
    image_id: str = ""
    image_name: str = ""
    second_image_name: str = ""
    concept: str = ""
    choices: tuple[str, ...] = ()


Numbered = Iterable[tuple[str, Any]]


def gather(
    files: Iterable[tuple[str | Path, str, Numbered]],
    row: Callable[[str, Any], Row],
    problems: Problems,
) -> pa.Table:
    """All rows of some files, in their order.

    Parameters
    ----------
    files : path, subset and records; each record with its name for people ("line 3"). A record that
        is a `BadRecord` is counted as such
    row : from subset and record to row; raises `BadRecord`
    problems : bad records and duplicate question ids are added, and left out
    """
    columns: dict[str, list[Any]] = {name: [] for name in RAW.names}
    seen: set[str] = set()
    for path, subset, records in files:
        bad: dict[str, list[str]] = {}
        for name, record in records:
            try:
                if isinstance(record, BadRecord):
                    raise record
                found = row(subset, record)
            except BadRecord as error:
                bad.setdefault(error.kind, []).append(f"{name}: {error}")
                continue
            if found.question_id in seen:
                bad.setdefault("duplicate_questions", []).append(found.question_id)
                continue
            seen.add(found.question_id)
            values = {field.name: getattr(found, field.name) for field in fields(Row)}
            values |= {"source": str(path), "subset": subset, "answers": [found.answer]}
            for column, kind in _KINDS.items():
                columns[column].append(values.get(column, [] if kind else ""))
        for kind, items in bad.items():
            problems.add(kind, path, items)
    return pa.table([pa.array(columns[f.name], f.type) for f in RAW], schema=RAW)


_KINDS = {field.name: pa.types.is_list(field.type) for field in RAW}


def line_records(
    questions: Sequence[str | Path],
    annotations: Sequence[str | Path],
    problems: Problems,
    *,
    name: str,
    subsets: Sequence[str],
    row: Callable[[str, object], Row],
) -> pa.Table:
    """`gather` of JSON-lines files that are named by a subset and hold their own answers.

    Raises
    ------
    UserError : a file is missing, damaged as a whole or named otherwise; or annotations are given
        for the format `name`, which has none
    """
    without_annotations(annotations, name)
    files = ((path, subset_of(path, subsets), json_lines(path)) for path in questions)
    return gather(files, row, problems)


def lines(path: str | Path) -> Iterator[tuple[str, str | BadRecord]]:
    """("line 1", text) of every line of a text file, without the blank ones.

    Raises
    ------
    UserError : the file is missing, or a damaged gzip or zip
    """
    for number, line in enumerate(io.BytesIO(read_document(path)), 1):
        try:
            text = line.rstrip(b"\r\n").decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            yield f"line {number:,}", BadRecord(f"byte {error.start:,} is not UTF-8")
            continue
        if text.strip():
            yield f"line {number:,}", text


def json_lines(path: str | Path) -> Iterator[tuple[str, Any]]:
    """("line 1", record) of every line of a JSON-lines file; see `lines`."""
    for name, line in lines(path):
        yield name, line if isinstance(line, BadRecord) else _parsed(line)


def subset_of(path: str | Path, known: Sequence[str]) -> str:
    """The subset that a file's name names.

    Raises
    ------
    UserError : it names none, or several
    """
    words = re.split(r"[^A-Za-z0-9]+", Path(str(path)).name)
    found = [name for name in known if name in words]
    if len(found) != 1:
        raise UserError(
            "does not say which subset it belongs to",
            where=path,
            expected=f"{' or '.join(known)} in its name",
            do="name the file as the official one",
        )
    return found[0]


def without_annotations(annotations: Sequence[str | Path], what: str) -> None:
    """Refuse annotation files of a format that has none."""
    if annotations:
        raise UserError(
            f"{what} has no annotation files", where=annotations[0], expected="no annotations"
        )


def text(record: object, name: str) -> str:
    """A field that holds a text with something in it.

    Raises
    ------
    BadRecord : the record is no object, or lacks the field, or it holds something else
    """
    value = field_of(record, name)
    if not isinstance(value, str) or not value.strip():
        raise BadRecord(f"{name!r} is no text" if not isinstance(value, str) else f"no {name!r}")
    if not is_unicode(value):
        raise BadRecord(f"{name!r} is not valid Unicode")
    return value


def field_of(record: object, name: str) -> Any:
    """A field of any type; see `text`."""
    if not isinstance(record, Mapping):
        raise BadRecord("is not an object")
    if name not in record:
        raise BadRecord(f"has no {name!r}")
    return record[name]


def file_stem(record: object, name: str) -> str:
    """A field that names a file without its extension, in no folder; see `text`."""
    value = text(record, name)
    if not _NAME.fullmatch(value):
        raise BadRecord(f"{name!r} {value[:60]!r} names no file")
    return value


def below(path: str) -> str:
    """A relative path that stays below its root, in the shortest form.

    Raises
    ------
    BadRecord : it does not
    """
    pure = PurePosixPath(path)
    if pure.is_absolute() or not pure.parts or ".." in pure.parts or "\0" in path:
        raise BadRecord(f"image path {path[:60]!r} leaves the folder of images")
    return pure.as_posix()


def _parsed(line: str) -> object:
    try:
        return parse_json(line.encode(), "")
    except UserError as error:
        return BadRecord(error.what)
