"""Reading a cell's index: version, names and offsets are checked before any shard is opened."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from continual_vqa.data.tables import QUESTIONS
from continual_vqa.errors import UserError
from continual_vqa.files.jsons import parse_text
from continual_vqa.files.parquet import read_note, read_table
from continual_vqa.shards import arrow
from continual_vqa.shards.tables import CHOICES, FORMAT, INDEX_FILE, VERSIONS, CellNote, ShardInfo
from continual_vqa.shards.tar import TRAILER

_SHARD_NAME = re.compile(r"[A-Za-z0-9_~-]+-\d{5,}\.tar")
_KEY = re.compile(r"[A-Za-z0-9_~%-]+")
_AGAIN = "delete its folder and write the cell again"


@dataclass(frozen=True, slots=True)
class CellIndex:
    """The index of one cell: where it is, what its note says, one row per question."""

    folder: Path
    note: CellNote
    table: pa.Table

    @property
    def file(self) -> Path:
        """The index file."""
        return self.folder / INDEX_FILE

    def columns(self, names: Sequence[str]) -> pa.Table:
        """These columns; no question of a cell whose index has no `choices` has any."""
        if CHOICES not in names or CHOICES in self.table.column_names:
            return self.table.select(list(names))
        kind = QUESTIONS.field(CHOICES).type
        none = arrow.empty_lists(self.table.num_rows, kind)
        return self.table.append_column(CHOICES, none).select(list(names))

    @property
    def pairs(self) -> np.ndarray:
        """(questions,) bool, which are about two images."""
        return np.full(self.table.num_rows, self.note.pairs)


def read_index(folder: str | Path) -> CellIndex:
    """The checked index of the cell in `folder`.

    Raises
    ------
    UserError : no such cell, damaged index, index of another version, or an index that points
        outside its shards or its folder
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError("no such cell", where=folder, expected=f"a folder with {INDEX_FILE}")
    path = folder / INDEX_FILE
    note = _parse_note(path, read_note(path))
    table = read_table(path, VERSIONS[note.version]).combine_chunks()
    _check_places(path, note, table)
    return CellIndex(folder, note, table)


def _parse_note(path: Path, note: dict[str, str]) -> CellNote:
    if note.get("format") != FORMAT:
        raise UserError("is not the index of a cell", where=path, do=_AGAIN)
    version = note.get("version", "(none)")
    if version not in VERSIONS:
        raise UserError(
            f"is an index of version {version}",
            where=path,
            expected=f"version {' or '.join(VERSIONS)}",
            do=f"{_AGAIN}, or use the program that wrote it",
        )
    try:
        shards = tuple(
            ShardInfo(str(entry["name"]), int(entry["bytes"]))
            for entry in parse_text(note["shards"], path)
        )
        images = int(note["images"])
        sums, pairs = note["checksums"] == "sha256", note.get("pairs") == "yes"
        parsed = CellNote(note["cell"], note["extension"], sums, images, shards, version, pairs)
    except (KeyError, TypeError, ValueError, UserError) as error:
        raise UserError(f"damaged note: {error!r:.200}", where=path, do=_AGAIN) from error
    for shard in parsed.shards:
        # A name with a folder in it could make the reader open any file of the machine.
        if not _SHARD_NAME.fullmatch(shard.name):
            raise UserError(
                f"names the shard {shard.name!r}", where=path, expected="a .tar of this folder"
            )
        if not len(TRAILER) <= shard.bytes < 2**63:
            raise UserError(f"names a shard of {shard.bytes:,} bytes", where=path, do=_AGAIN)
    if not re.fullmatch(r"[a-z0-9]{1,8}", parsed.extension):
        raise UserError(f"names the extension {parsed.extension!r}", where=path, do=_AGAIN)
    return parsed


def _check_places(path: Path, note: CellNote, table: pa.Table) -> None:
    shard, names = _numbers(path, table, "shard"), table.column_names
    if len(shard) and not (shard.min() >= 0 and shard.max() < len(note.shards)):
        raise UserError("a row names a shard that is not listed", where=path, do=_AGAIN)
    sizes = np.array([info.bytes for info in note.shards] or [0], np.int64)[shard]
    for member in (name for name in ("payload", "json", "second") if f"{name}_bytes" in names):
        start = _numbers(path, table, f"{member}_offset")
        length = _numbers(path, table, f"{member}_bytes")
        wrong = (start < 0) | (length < 0) | (start > sizes) | (length > sizes - start)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise UserError(
                f"the {member} of question {table['question_id'][row].as_py()} lies outside "
                f"{note.shards[shard[row]].name}",
                where=path,
                do=_AGAIN,
            )
    seconds = _numbers(path, table, "second_bytes") > 0 if "second_bytes" in names else shard < 0
    if (seconds != note.pairs).any():
        raise UserError("second images do not fit the note", where=path, do=_AGAIN)
    keys = table["key"].unique().to_pylist()
    if len(keys) != note.images or not all(key and _KEY.fullmatch(key) for key in keys):
        raise UserError(
            f"{len(keys):,} keys do not fit {note.images:,} images", where=path, do=_AGAIN
        )


def _numbers(path: Path, table: pa.Table, name: str) -> np.ndarray:
    if table[name].null_count:
        raise UserError(f"column {name!r} has empty entries", where=path, do=_AGAIN)
    return arrow.to_numpy(table[name]).astype(np.int64)
