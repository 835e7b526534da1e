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
from continual_vqa.shards.tables import PLACES, SECOND, TEXT


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
        places = index.table.select(_places(index)).take(arrow.numbers(rows)).to_pylist()
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


def _places(index: CellIndex) -> list[str]:
    return [name for name in PLACES if name in index.table.column_names]


def _check_sample(walk: _Walk, place: dict, text: memoryview) -> None:
    extension = walk.index.note.extension
    members = {"payload": extension} if extension != TEXT else {}
    members |= {"second": f"{SECOND}.{extension}"} if walk.index.note.pairs else {}
    for member, suffix in members.items():
        length = place[f"{member}_bytes"]
        _expect_header(walk, place, member, suffix)
        content = walk.view[walk.position : walk.position + length]
        _check_sum(walk, place, member, content, f"damaged .{suffix}")
        walk.position += length
        walk.expect(bytes(tar.padding(length)), "padding", place["key"])
    _expect_header(walk, place, "json", TEXT)
    # The expected text comes from the index, so this also finds a damaged index.
    walk.expect(text, ".json, or an index of other questions", place["key"])
    _check_sum(walk, place, "json", text, "damaged .json")
    walk.expect(bytes(tar.padding(place["json_bytes"])), "padding", place["key"])


def _expect_header(walk: _Walk, place: dict, member: str, suffix: str) -> None:
    key, length = place["key"], place[f"{member}_bytes"]
    walk.expect(tar.header(tar.member_name(key, suffix), length), f".{suffix} header", key)
    if walk.position != place[f"{member}_offset"]:
        raise walk.damaged("the index has another offset", key)


def _check_sum(walk: _Walk, place: dict, member: str, content: memoryview, damage: str) -> None:
    if not walk.index.note.checksums:
        return
    if hashlib.sha256(content).digest() != place[f"{member}_sha256"]:
        raise walk.damaged(f"{damage}: its SHA-256 differs from the index", place["key"])


def _check_repeats(index: CellIndex, starts: np.ndarray) -> None:
    """The rows of one image must all say the same of it."""
    first = arrow.numbers(np.repeat(starts[:-1], np.diff(starts)))
    for name in _places(index):
        column = index.table[name]
        if not column.equals(column.take(first)):
            raise UserError(
                f"column {name!r} differs between questions of one image",
                where=index.file,
                do="write the cell again",
            )
