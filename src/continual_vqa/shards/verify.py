"""Comparing every byte of a cell with what its index says."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from continual_vqa.errors import UserError
from continual_vqa.shards import arrow, tar
from continual_vqa.shards.index import CellIndex, read_index
from continual_vqa.shards.mapping import map_shard
from continual_vqa.shards.samples import group_by_image, json_members
from continual_vqa.shards.tables import INDEX


@dataclass(frozen=True, slots=True)
class Verified:
    """A cell that is whole. Without checksums the payloads' content was not compared."""

    cell: str
    questions: int
    images: int
    bytes: int
    checksums: bool


@dataclass(slots=True)
class _Walk:
    """A position in the shards of a cell."""

    index: CellIndex
    shard: int = -1
    position: int = 0
    view: memoryview = memoryview(b"")  # noqa: RUF009

    def next_shard(self) -> None:
        """Check the end of the present shard and go to the next one."""
        if self.shard >= 0:
            self.expect(tar.TRAILER, "end of the archive", "")
            if self.position != len(self.view):
                raise self.damaged("bytes after the end of the archive", "")
        self.shard += 1
        self.position = 0
        if self.shard < len(self.index.note.shards):
            self.view = map_shard(self.index, self.shard)

    def expect(self, content: bytes | memoryview, what: str, key: str) -> None:
        """Check that `content` comes next."""
        end = self.position + len(content)
        if self.view[self.position : end] != content:
            raise self.damaged(f"damaged {what}", key)
        self.position = end

    def damaged(self, what: str, key: str) -> UserError:
        """The error for the place where the walk stands."""
        return UserError(
            (f"image {key}: " if key else "") + f"{what} (near byte {self.position:,})",
            where=self.index.folder / self.index.note.shards[self.shard].name,
            do="write the cell again",
        )


def verify_cell(folder: str | Path) -> Verified:
    """Check every byte of a cell: headers, padding, JSON members against the index, payloads.

    Headers and JSON are made again from the index and compared; payloads by their SHA-256.

    Raises
    ------
    UserError : the first damage, with its shard and key
    """
    index = read_index(folder)
    grouped = group_by_image(index.table, str(index.file))
    if not grouped.questions.equals(index.table):
        raise UserError("rows are out of order", where=index.file, do="write the cell again")
    walk = _Walk(index)
    for first, texts in json_members(grouped):
        rows = grouped.starts[first : first + len(texts)]
        places = index.table.select(INDEX.names[-8:]).take(arrow.numbers(rows)).to_pylist()
        for place, text in zip(places, texts, strict=True):
            while walk.shard < place["shard"]:
                walk.next_shard()
            _check_sample(walk, place, text)
    while walk.shard < len(index.note.shards):
        walk.next_shard()
    _check_repeats(index, grouped.starts)
    return Verified(
        cell=index.note.cell,
        questions=index.table.num_rows,
        images=grouped.images,
        bytes=sum(shard.bytes for shard in index.note.shards),
        checksums=index.note.checksums,
    )


def _check_sample(walk: _Walk, place: dict, text: memoryview) -> None:
    key, extension = place["key"], walk.index.note.extension
    size, length = place["payload_bytes"], place["json_bytes"]
    walk.expect(tar.header(tar.member_name(key, extension), size), f".{extension} header", key)
    if walk.position != place["payload_offset"]:
        raise walk.damaged("the index has another offset", key)
    payload = walk.view[walk.position : walk.position + size]
    if walk.index.note.checksums and hashlib.sha256(payload).digest() != place["payload_sha256"]:
        raise walk.damaged(f"damaged .{extension}: its SHA-256 differs from the index", key)
    walk.position += size
    walk.expect(bytes(tar.padding(size)), "padding", key)
    walk.expect(tar.header(tar.member_name(key, tar.JSON), length), ".json header", key)
    if walk.position != place["json_offset"]:
        raise walk.damaged("the index has another offset", key)
    # The expected text comes from the index, so this also finds a damaged index.
    walk.expect(text, ".json, or an index of other questions", key)
    if walk.index.note.checksums and hashlib.sha256(text).digest() != place["json_sha256"]:
        raise walk.damaged("damaged .json: its SHA-256 differs from the index", key)
    walk.expect(bytes(tar.padding(length)), "padding", key)


def _check_repeats(index: CellIndex, starts: np.ndarray) -> None:
    """The rows of one image must all say the same of it."""
    first = arrow.numbers(np.repeat(starts[:-1], np.diff(starts)))
    for name in INDEX.names[-8:]:
        column = index.table[name]
        if not column.equals(column.take(first)):
            raise UserError(
                f"column {name!r} differs between questions of one image",
                where=index.file,
                do="write the cell again",
            )
