"""Shards as memory maps, opened when first used."""

from __future__ import annotations

import errno
import mmap
import os
import threading
from pathlib import Path

from continual_vqa.errors import UserError, naming
from continual_vqa.shards.index import CellIndex

# A map holds a file descriptor; common limits are 1,024 per process.
MAX_MAPPED = 512


class MappedShards:
    """The shards of several cells, by (cell, shard). Safe to use from several threads.

    Cells are replaced as whole folders, so a map that is open keeps reading the old, whole file.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._maps: dict[tuple[int, int], memoryview] = {}

    def get(self, cell: int, shard: int, index: CellIndex) -> memoryview:
        """The bytes of one shard.

        Raises
        ------
        UserError : the shard is missing, a link, or not of the size that the index says
        """
        found = self._maps.get((cell, shard))
        if found is not None:
            return found
        with self._lock:
            # Dropping a map is safe: it lives on while a payload of it is in use.
            while len(self._maps) >= MAX_MAPPED:
                del self._maps[next(iter(self._maps))]
            view = self._maps[cell, shard] = map_shard(index, shard)
        return view


def map_shard(index: CellIndex, shard: int) -> memoryview:
    """Map one shard of a cell read-only; see `MappedShards.get`."""
    descriptor = _open_checked(index, shard)
    try:
        return memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))
    finally:
        os.close(descriptor)


def check_shard(index: CellIndex, shard: int) -> None:
    """Check that a shard is there and of its size; errors as `MappedShards.get`."""
    os.close(_open_checked(index, shard))


def _open_checked(index: CellIndex, shard: int) -> int:
    info = index.note.shards[shard]
    path = index.folder / info.name
    descriptor = _open(path)
    size = os.fstat(descriptor).st_size
    if size == info.bytes:
        return descriptor
    os.close(descriptor)
    what = "truncated shard" if size < info.bytes else "the shard is longer than its index"
    raise UserError(
        f"{what}: {size:,} bytes",
        where=path,
        expected=f"{info.bytes:,} bytes",
        do="delete its folder and write the cell again",
    )


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError as error:
        raise UserError(
            "the shard is missing",
            where=path,
            expected="a file",
            do="delete its folder and write the cell again",
        ) from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UserError(
                "the shard is a link",
                where=path,
                expected="a file",
                do="delete its folder and write the cell again",
            ) from error
        with naming(path, "read"):
            raise
