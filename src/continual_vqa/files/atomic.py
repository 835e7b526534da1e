"""Writes that are whole or absent: temporary file in the same folder, fsync, rename."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from continual_vqa.errors import naming

MANY = 50


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; on success flush it and rename it over `target`.

    On any exception the temporary file is removed and `target` keeps its earlier content.

    Raises
    ------
    UserError : the folder cannot be made or the file cannot be written (no space, no permission)
    """
    target = Path(target)
    with naming(target, "write"):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{target.name}.", suffix=".part", dir=target.parent
        )
        os.close(handle)
    temporary = Path(name)
    try:
        with naming(target, "write"):
            yield temporary
            _flush(temporary)
            # mkstemp makes private files; results are shared by a group on a cluster.
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(target)
            _flush(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(target: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `target` that takes its place on success.

    An existing `target` is replaced as a whole; on any exception it stays as it was.
    """
    target = Path(target)
    with naming(target, "write"):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(
            tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
        )
    old = temporary.with_suffix(".old")
    try:
        with naming(target, "write"):
            yield temporary
            _flush_all([path for path in temporary.rglob("*") if path.is_file()])
            temporary.chmod(0o777 & ~_umask())
            if target.exists():
                target.replace(old)
            temporary.replace(target)
            _flush(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def write_bytes(target: str | Path, content: bytes) -> None:
    """Write `content` to `target` atomically."""
    with atomic_path(target) as path:
        path.write_bytes(content)


def write_text(target: str | Path, content: str) -> None:
    """Write `content` as UTF-8 to `target` atomically."""
    write_bytes(target, content.encode())


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_all(paths: list[Path]) -> None:
    # One fsync waits for the disk once per file; for many files a single sync is far quicker.
    if len(paths) > MANY:
        os.sync()
        return
    for path in paths:
        _flush(path)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
