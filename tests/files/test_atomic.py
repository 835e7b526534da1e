"""Writes are whole or absent."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from continual_vqa.errors import UserError
from continual_vqa.files.atomic import (
    atomic_folder,
    atomic_path,
    sweep,
    write_bytes,
    write_text,
)


def test_a_write_replaces_the_whole_file(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file.txt"
    write_text(target, "one")
    write_text(target, "two")
    assert target.read_text() == "two"
    assert os.listdir(target.parent) == ["file.txt"]


def test_a_failed_write_keeps_the_earlier_content(tmp_path: Path) -> None:
    target = tmp_path / "file"
    write_bytes(target, b"kept")
    with pytest.raises(RuntimeError, match="half way"), atomic_path(target) as path:
        path.write_bytes(b"half")
        raise RuntimeError("half way")
    assert target.read_bytes() == b"kept"
    assert os.listdir(tmp_path) == ["file"]


def test_results_are_readable_by_the_group(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_bytes(tmp_path / "file", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "cell"
    for name in ("old", "new"):
        with atomic_folder(target) as folder:
            (folder / name).write_text(name)
    assert os.listdir(target) == ["new"]
    with pytest.raises(RuntimeError), atomic_folder(target) as folder:
        (folder / "broken").write_text("x")
        raise RuntimeError
    assert os.listdir(target) == ["new"]
    assert os.listdir(tmp_path) == ["cell"]


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    script = (
        "import resource, signal, sys\n"
        "from continual_vqa.files.atomic import write_bytes\n"
        "from continual_vqa.errors import UserError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n    write_bytes(sys.argv[1], bytes(5000))\n"
        "except UserError as error:\n    print(error)\n"
    )
    target = tmp_path / "file"
    write_bytes(target, b"kept")
    done = subprocess.run(
        [sys.executable, "-c", script, str(target)], capture_output=True, text=True, check=True
    )
    assert "cannot write" in done.stdout
    assert str(target) in done.stdout
    assert target.read_bytes() == b"kept"
    assert os.listdir(tmp_path) == ["file"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1000


def test_a_file_in_place_of_a_folder_is_named(tmp_path: Path) -> None:
    write_bytes(tmp_path / "file", b"x")
    with pytest.raises(UserError, match="cannot write"):
        write_bytes(tmp_path / "file" / "below", b"x")


@pytest.mark.parametrize("wait", [0.0, 0.01, 0.05])
def test_a_killed_writer_leaves_old_or_new(tmp_path: Path, wait: float) -> None:
    target = tmp_path / "file"
    write_bytes(target, b"0" * 1_000_000)
    script = (
        "import sys\nfrom continual_vqa.files.atomic import write_bytes\nprint('on', flush=True)\n"
        "n = 0\nwhile True:\n    n = (n + 1) % 10\n"
        "    write_bytes(sys.argv[1], str(n).encode() * 1_000_000)\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(target)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    child.stdout.readline()
    time.sleep(wait)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    content = target.read_bytes()
    assert len(content) == 1_000_000
    assert len(set(content)) == 1


def left_by_a_killed_writer(target: Path, manager: str) -> Path:
    """What a process that was killed while it wrote `target` left beside it."""
    script = (
        "import os, signal, sys\nfrom continual_vqa.files import atomic\n"
        f"with atomic.{manager}(sys.argv[1]) as path:\n"
        "    (path / 'half' if path.is_dir() else path).write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(target)], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = target.parent.glob(".*.part")
    return left


def test_the_next_write_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    left_by_a_killed_writer(tmp_path / "file", "atomic_path")
    write_text(tmp_path / "file", "whole")
    left_by_a_killed_writer(tmp_path / "cell", "atomic_folder")
    (tmp_path / ".cell.x.old").mkdir()
    with atomic_folder(tmp_path / "cell") as folder:
        (folder / "one").touch()
    assert sorted(os.listdir(tmp_path)) == ["cell", "file"]
    assert os.listdir(tmp_path / "cell") == ["one"]


def test_what_is_being_written_is_left_alone(tmp_path: Path) -> None:
    for manager in (atomic_path, atomic_folder):
        target = tmp_path / manager.__name__
        with manager(target) as first:
            with manager(target) as second:
                sweep(target)
                assert first.exists()
                assert second.exists()
                (second / "x" if second.is_dir() else second).write_text("second")
            assert first.exists()
            if first.is_file():
                first.write_text("first")
                assert target.read_text() == "second"
            else:
                shutil.rmtree(target)
    assert sorted(os.listdir(tmp_path)) == ["atomic_folder", "atomic_path"]


def test_a_file_system_without_locks_only_keeps_the_remains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    left = left_by_a_killed_writer(tmp_path / "file", "atomic_path")
    monkeypatch.setattr("fcntl.flock", refuse)
    write_text(tmp_path / "file", "whole")
    assert sorted(os.listdir(tmp_path)) == sorted([left.name, "file"])
