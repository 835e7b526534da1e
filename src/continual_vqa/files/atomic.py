"""Writes that are whole or absent: temporary file in the same folder, fsync, rename.

A process that is killed leaves its temporary file. Each is locked while its writer lives, so that
the next write of the same target removes what nobody holds, and nothing else. (Where the file
system has no locks the remains stay; they are in nobody's way.)
"""

from __future__ import annotations

import fcntl
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from continual_vqa.errors import UserError, naming
from continual_vqa.files.orphans import orphaned

MANY = 50


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; on success flush it and rename it over `target`.

    On any exception the temporary file is removed and `target` keeps its earlier content.

    Raises
    ------
    UserError : the folder cannot be made or the file cannot be written (no space, no permission),
        or the workflow that started this process has died
    """
    target = Path(target)
    with naming(target, "write"):
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target)
        lock, temporary = _temporary(target, folder=False)
    try:
        with naming(target, "write"):
            yield temporary
            _flush(temporary)
            # mkstemp makes private files; results are shared by a group on a cluster.
            temporary.chmod(0o666 & ~_umask())
            _refuse_an_orphan(target)
            temporary.replace(target)
            _flush(target.parent)
    finally:
        temporary.unlink(missing_ok=True)
        os.close(lock)


@contextmanager
def atomic_folder(target: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `target` that takes its place on success.

    An existing `target` is replaced as a whole; on any exception it stays as it was.

    Raises
    ------
    UserError : as `atomic_path`
    """
    target = Path(target)
    with naming(target, "write"):
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target)
        lock, temporary = _temporary(target, folder=True)
    old = temporary.with_suffix(".old")
    try:
        with naming(target, "write"):
            yield temporary
            _flush_all([path for path in temporary.rglob("*") if path.is_file()])
            temporary.chmod(0o777 & ~_umask())
            _refuse_an_orphan(target)
            if target.exists():
                target.replace(old)
            temporary.replace(target)
            _flush(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
        os.close(lock)


def sweep(target: str | Path) -> None:
    """Remove what killed writers of `target` left beside it."""
    target = Path(target)
    remains = f".{glob.escape(target.name)}."
    for path in target.parent.glob(f"{remains}*.part"):
        try:
            # A network file system locks only what is open for writing, which folders never are.
            lock = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        else:
            _remove(path)
        finally:
            os.close(lock)
    # What a folder replaced: nobody reads it any more.
    for path in target.parent.glob(f"{remains}*.old"):
        _remove(path)


def write_bytes(target: str | Path, content: bytes) -> None:
    """Write `content` to `target` atomically."""
    with atomic_path(target) as path:
        path.write_bytes(content)


def write_text(target: str | Path, content: str) -> None:
    """Write `content` as UTF-8 to `target` atomically."""
    write_bytes(target, content.encode())


def _temporary(target: Path, *, folder: bool) -> tuple[int, Path]:
    """A new temporary file or folder beside `target`, and what holds its lock."""
    names = {"prefix": f".{target.name}.", "suffix": ".part", "dir": target.parent}
    while True:
        if folder:
            name = tempfile.mkdtemp(**names)
        else:
            handle, name = tempfile.mkstemp(**names)
            os.close(handle)
        try:
            lock = os.open(name, os.O_RDONLY if folder else os.O_RDWR)
        except FileNotFoundError:
            continue  # swept away before it was locked
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)  # being swept away
            continue
        except OSError:
            pass  # no locks here: then nobody sweeps either
        if os.path.lexists(name):
            return lock, Path(name)
        os.close(lock)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _refuse_an_orphan(target: Path) -> None:
    if orphaned():
        raise UserError(
            "not written: the Snakemake that started this job has ended",
            where=target,
            do="start the workflow again; it makes what is missing",
        )


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
