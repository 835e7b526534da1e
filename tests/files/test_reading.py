"""What comes in is bounded: bombs, lying sizes, odd archives, devices."""

from __future__ import annotations

import gzip
import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from continual_vqa.errors import UserError
from continual_vqa.files.reading import (
    FREE_BYTES,
    open_zip,
    read_document,
    read_file,
    read_member,
)

BOMB_BYTES = FREE_BYTES + (8 << 20)


@pytest.fixture(scope="module")
def bombs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Zeros in a .gz, in a .zip, and in a .gz within a .zip."""
    folder = tmp_path_factory.mktemp("bombs")
    zeros = bytes(BOMB_BYTES)
    packed = gzip.compress(zeros)
    (folder / "x.json.gz").write_bytes(packed)
    for name, inside, content in (
        ("x.zip", "x.json", zeros),
        ("y.zip", "x.json.gz", packed),
    ):
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(inside, content)
    return folder


@pytest.mark.parametrize("name", ["x.json.gz", "x.zip", "y.zip"])
def test_a_bomb_is_refused_before_it_fills_memory(bombs: Path, name: str) -> None:
    script = (
        "import resource, sys\n"
        "from continual_vqa.errors import UserError\n"
        "from continual_vqa.files.reading import read_document\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    read_document(sys.argv[1])\n"
        "except UserError as error:\n    print(error, file=sys.stderr)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(bombs / name)],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert f"{name}" in done.stderr
    assert f"at most {FREE_BYTES:,} bytes" in done.stderr
    # The limit, and as much again for the buffer that grows towards it. Kilobytes.
    assert int(done.stdout) * 1024 < 2.5 * FREE_BYTES


def test_a_member_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.json", bytes(BOMB_BYTES))
    content = bytearray(path.read_bytes())
    central = content.index(b"PK\1\2")
    content[central + 24 : central + 28] = struct.pack("<I", 10)
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"x\.zip.*damaged"):
        read_document(path)


def test_encrypted_and_oddly_packed_members_are_refused(tmp_path: Path) -> None:
    for name, method in (("lzma.zip", zipfile.ZIP_LZMA), ("bz2.zip", zipfile.ZIP_BZIP2)):
        with zipfile.ZipFile(tmp_path / name, "w", method) as archive:
            archive.writestr("x.json", b"{}")
        with pytest.raises(UserError, match="packed by method"):
            read_document(tmp_path / name)
    path = tmp_path / "locked.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.json", b"{}")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="is encrypted"):
        read_document(path)


def test_a_member_named_as_a_path_is_only_a_name(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text("secret")
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../secret.json", b"public")
    assert read_document(f"{path}!/../secret.json") == b"public"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "secret.json"]
    with open_zip(path) as opened, pytest.raises(UserError, match="has no member"):
        read_member(opened, path, "/etc/passwd", 100)


def test_a_file_beyond_the_limit_a_device_and_a_pipe_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(11))
    assert read_file(path, 11) == bytes(11)
    with pytest.raises(UserError, match="has 11 bytes or more; expected at most 10 bytes"):
        read_file(path, 10)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for odd in (pipe, Path("/dev/zero")):
        with pytest.raises(UserError, match="is a device or a pipe"):
            read_file(odd)


def test_a_small_file_may_repeat_itself(tmp_path: Path) -> None:
    path = tmp_path / "x.json.gz"
    path.write_bytes(gzip.compress(bytes(1 << 20)))
    assert path.stat().st_size * 200 < 1 << 20
    assert read_document(path) == bytes(1 << 20)
