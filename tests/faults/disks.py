"""Small and read-only file systems for tests, where this user may mount some."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def lacking() -> str:
    """Why nothing can be mounted here; empty if it can."""
    if not sys.platform.startswith("linux"):
        return f"no tmpfs on {sys.platform}"
    if os.geteuid() != 0:
        return "mounting a tmpfs needs root"
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        capture_output=True,
        check=False,
    )
    return "this machine lets no tmpfs be mounted" if tried.returncode else ""


@contextmanager
def disk(folder: Path, size: str) -> Iterator[Path]:
    """A tmpfs of `size` (e.g. "300k") at `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def room(folder: Path) -> int:
    """Bytes that are free."""
    there = os.statvfs(folder)
    return there.f_bavail * there.f_frsize


@contextmanager
def filled(folder: Path, left: int) -> Iterator[None]:
    """The disk is full within, but for about `left` bytes."""
    ballast = folder / "ballast"
    ballast.write_bytes(bytes(max(0, room(folder) - left)))
    try:
        yield
    finally:
        ballast.unlink()
