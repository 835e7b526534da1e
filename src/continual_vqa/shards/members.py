"""The members of a shard that others may have written: ordinary files only, nothing unpacked.

Read are USTAR headers with the longer names of pax and GNU, as Python's tarfile and webdataset
write them. Python's own reader of headers takes what a size claims, also where it is negative or
beyond the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from continual_vqa.errors import UserError, naming
from continual_vqa.files.reading import ordinary_size
from continual_vqa.shards.tar import BLOCK

# A shard of a gigabyte of the smallest samples has two million. Choices of this project.
MAX_MEMBERS = 4_000_000
MAX_LONG_NAME = 1 << 16
_KINDS = {
    "1": "a hard link", "2": "a symbolic link", "3": "a device", "4": "a device", "5": "a folder",
    "6": "a pipe", "S": "a sparse file",
}  # fmt: skip
_FILES, _PAX, _GLOBAL, _LONG_NAME = "0\0", "x", "g", "L"
_OCTAL = re.compile(rb" *([0-7]{1,12})[ \0]*")
_RECORD = re.compile(rb"([0-9]{1,5}) ([^=\n]{1,100})=")
# What changes where a member's bytes lie, or makes it no file.
_REFUSED = ("size", "linkpath", "GNU.sparse")


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a shard: its name, the byte at which its content begins, and how many it has."""

    name: str
    offset: int
    size: int


def read_members(path: Path) -> list[Member]:
    """The members of an uncompressed tar of files, in their order.

    Raises
    ------
    UserError : missing; a header that is damaged or lies about its size; a link, device, folder or
        sparse file; a name that leads out of the folder; bytes after the end
    """
    size = ordinary_size(path)
    found: list[Member] = []
    with naming(path, "read"), path.open("rb") as handle:
        position, long_name = 0, ""
        while True:
            block = handle.read(BLOCK)
            if not block.strip(b"\0"):
                _check_end(path, handle, position, size)
                return found
            content, kind = _size(path, block, position), chr(block[156])
            start = position + BLOCK
            if start + content > size:
                raise damaged(
                    path,
                    f"the member at byte {position:,} claims {content:,} bytes, "
                    f"{size - start:,} are left",
                )
            if kind in (_PAX, _GLOBAL, _LONG_NAME):
                long_name = _long_name(path, handle, kind, content, position) or long_name
            elif kind in _FILES:
                found.append(Member(_name(path, long_name or _short(block)), start, content))
                long_name = ""
            else:
                raise damaged(path, f"{_short(block)[:100]!r} is {_KINDS.get(kind, 'no file')}")
            if len(found) > MAX_MEMBERS:
                raise damaged(path, f"more than {MAX_MEMBERS:,} members")
            position = start + content + -content % BLOCK
            handle.seek(position)


def damaged(path: Path, reason: str) -> UserError:
    """The error for a shard that is not read."""
    return UserError(
        f"damaged or no shard: {reason}",
        where=path,
        expected="an uncompressed tar of samples",
        do="delete its folder and write the cell again",
    )


def _check_end(path: Path, handle: BinaryIO, position: int, size: int) -> None:
    """What follows the last member is nothing but zeros."""
    if size - position < 2 * BLOCK:
        raise damaged(path, f"truncated: it ends after {size:,} bytes, within a member or the end")
    handle.seek(position)
    while rest := handle.read(1 << 20):
        if rest.strip(b"\0"):
            raise damaged(path, f"no header at byte {position:,}")


def _size(path: Path, block: bytes, position: int) -> int:
    """The size in a header, whose checksum is checked."""
    size, checksum = _OCTAL.fullmatch(block[124:136]), _OCTAL.fullmatch(block[148:156])
    if len(block) == BLOCK and size and checksum:
        summed = sum(block[:148]) + 8 * ord(" ") + sum(block[156:])
        if int(checksum[1], 8) == summed:
            return int(size[1], 8)
    raise damaged(path, f"no header at byte {position:,}")


def _long_name(path: Path, handle: BinaryIO, kind: str, size: int, position: int) -> str:
    """The name that a header of pax or GNU gives the next member, or ""."""
    if size > MAX_LONG_NAME:
        raise damaged(path, f"a name of {size:,} bytes at byte {position:,}")
    content = handle.read(size)
    if kind == _LONG_NAME:
        return content.rstrip(b"\0").decode("utf-8", errors="replace")
    name = ""
    while content:
        found = _RECORD.match(content)
        length = int(found[1]) if found else 0
        if found is None or not found.end() < length <= len(content):
            raise damaged(path, f"a damaged pax header at byte {position:,}")
        key = found[2].decode("utf-8", errors="replace")
        if key.startswith(_REFUSED):
            raise damaged(path, f"a pax header at byte {position:,} sets {key}")
        if key == "path":
            name = content[found.end() : length - 1].decode("utf-8", errors="replace")
        content = content[length:]
    return name


def _short(block: bytes) -> str:
    name, prefix = (part.split(b"\0", 1)[0] for part in (block[:100], block[345:500]))
    ustar = block[257:263] == b"ustar\0"
    whole = prefix + b"/" + name if ustar and prefix else name
    return whole.decode("utf-8", errors="replace")


def _name(path: Path, name: str) -> str:
    pure = PurePosixPath(name)
    if not name or pure.is_absolute() or ".." in pure.parts or "\0" in name:
        raise damaged(path, f"the member {name[:100]!r} leads out of its folder")
    return name
