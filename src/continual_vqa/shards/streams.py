"""The stream of bytes into a cell's shards: cut by size, few system calls, early flushing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from continual_vqa.shards import tar
from continual_vqa.shards.tables import ShardInfo

# Buffers of one gathered write: the kernel takes at most 1024 (IOV_MAX).
_MAX_BUFFERS = 1000
_MAX_PENDING = 128 << 10


class ShardStream:
    """Writes samples one after the other into `folder/<cell>-NNNNN.tar`.

    A shard is closed before it would exceed `max_bytes`; a larger sample gets a shard of its own.
    """

    def __init__(self, folder: Path, cell: str, max_bytes: int) -> None:
        self._folder = folder
        self._cell = cell
        self._max_bytes = max_bytes
        self._closed: list[ShardInfo] = []
        self._descriptor = -1
        self._position = 0
        self._buffers: list[bytes | memoryview] = []
        self._pending = 0
        # Flushing a finished shard while the next is written hides most of the disk's time.
        self._flusher = ThreadPoolExecutor(1, thread_name_prefix="flush")
        self._flushes: list[Future[None]] = []

    def __enter__(self) -> ShardStream:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish_shard()
                for flush in self._flushes:
                    flush.result()
        finally:
            # Also where the last shard could not be finished: an open file keeps its room.
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._flusher.shutdown(cancel_futures=True)

    @property
    def shards(self) -> tuple[ShardInfo, ...]:
        """The shards that are complete."""
        return tuple(self._closed)

    def add(
        self, key: str, members: Sequence[tuple[str, bytes | memoryview]]
    ) -> tuple[int, list[int]]:
        """Append one sample of some (extension, content); returns (shard, offset of each)."""
        takes = sum(tar.member_bytes(len(content)) for _, content in members)
        if self._position and self._position + takes + len(tar.TRAILER) > self._max_bytes:
            self._finish_shard()
        if self._descriptor < 0:
            self._open_shard()
        offsets, before = [], b""
        for extension, content in members:
            size = len(content)
            offsets.append(self._position + tar.BLOCK)
            # One buffer for what lies between two contents: fewer buffers, fewer system calls.
            self._buffers.append(before + tar.header(tar.member_name(key, extension), size))
            self._buffers.append(content)
            before = bytes(tar.padding(size))
            self._position += tar.member_bytes(size)
        self._buffers.append(before)
        self._pending += takes
        if self._pending >= _MAX_PENDING or len(self._buffers) >= _MAX_BUFFERS:
            self._write_out()
        return len(self._closed), offsets

    def _open_shard(self) -> None:
        name = tar.shard_name(self._cell, len(self._closed))
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._descriptor = os.open(self._folder / name, flags, 0o666)

    def _finish_shard(self) -> None:
        if self._descriptor < 0:
            return
        self._buffers.append(tar.TRAILER)
        self._write_out()
        name = tar.shard_name(self._cell, len(self._closed))
        self._closed.append(ShardInfo(name, self._position + len(tar.TRAILER)))
        self._flushes.append(self._flusher.submit(_flush_and_close, self._descriptor))
        self._descriptor = -1
        self._position = 0

    def _write_out(self) -> None:
        buffers = self._buffers
        left = sum(map(len, buffers))
        while left:
            written = os.writev(self._descriptor, buffers)
            left -= written
            if left:
                buffers = _after(buffers, written)
        self._buffers = []
        self._pending = 0


def _after(buffers: list[bytes | memoryview], written: int) -> list[bytes | memoryview]:
    for position, buffer in enumerate(buffers):
        if written < len(buffer):
            return [memoryview(buffer)[written:], *buffers[position + 1 :]]
        written -= len(buffer)
    return []


def _flush_and_close(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
