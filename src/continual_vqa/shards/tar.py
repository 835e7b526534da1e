"""The tar bytes of a shard: USTAR headers that depend on nothing but a member's name and size.

Written by own code because the standard library's `tarfile` spends most of a shard's writing time
on headers. Mode, owner and time are fixed: identical input gives identical bytes (POSIX.1-1988).
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from continual_vqa.errors import UserError

BLOCK = 512
TRAILER = bytes(2 * BLOCK)
MAX_NAME = 100
MAX_SIZE = 8**11 - 1
JSON = "json"

# Mode, uid, gid, size, time, checksum; then type (a regular file), no link, format, no names.
_FIELDS = (b"0000444", b"0000000", b"0000000", b"%011o", b"00000000000", b"%06o")
_REST = (b"0" + bytes(100) + b"ustar\x0000").ljust(BLOCK - 156, b"\0")
_AFTER_NAME = b"\0".join(_FIELDS) + b"\0 " + _REST
# The checksum counts its own eight bytes as spaces; the digits of the size are added per file.
_FIXED_SUM = sum(_AFTER_NAME % (0, 0)) - sum(b"000000\x00 ") + 8 * ord(" ") - 11 * ord("0")
_CELL = re.compile(r"[A-Za-z0-9_~-]+(/[A-Za-z0-9_~-]*)*")


def member_name(key: str, extension: str) -> bytes:
    """`key.extension` as stored in the tar.

    Raises
    ------
    UserError : longer than the 100 bytes of a USTAR header
    """
    name = f"{key}.{extension}".encode()
    if len(name) > MAX_NAME:
        raise UserError(
            f"the image id gives a member name of {len(name)} bytes",
            where=name.decode()[:60] + "…",
            expected=f"at most {MAX_NAME}",
            do="shorten the image id",
        )
    return name


def header(name: bytes, size: int) -> bytes:
    """The 512-byte header of a regular file of `size` bytes (< 8 GiB)."""
    if not 0 <= size <= MAX_SIZE:
        raise UserError(
            f"{size:,} bytes do not fit a tar member", where=name.decode(), expected="under 8 GiB"
        )
    checksum = _FIXED_SUM + sum(name) + sum(b"%011o" % size)
    return name.ljust(MAX_NAME, b"\0") + _AFTER_NAME % (size, checksum)


def padding(size: int) -> int:
    """The number of zero bytes after `size` bytes of content."""
    return -size % BLOCK


def member_bytes(size: int) -> int:
    """What a member of `size` bytes takes in a shard, with its header and padding."""
    return BLOCK + size + padding(size)


def key_of(image_id: str) -> str:
    """The sample key of an image: its id, with what a key can not hold percent-encoded.

    webdataset ends a key at the first dot and takes a slash for a folder.
    """
    if image_id.isascii() and image_id.isalnum():
        return image_id
    return quote(image_id, safe="").replace(".", "%2E")


def image_id_of(key: str) -> str:
    """The inverse of `key_of`."""
    return unquote(key)


def shard_name(cell: str, number: int) -> str:
    """The file name of a cell's shard: `train/count/G1`, 0 -> `train-count-G1-00000.tar`.

    Raises
    ------
    UserError : the cell's name holds characters that a shard name can not
    """
    if not _CELL.fullmatch(cell):
        raise UserError(
            f"{cell!r} can not name a cell",
            expected="SPLIT/SKILL/GROUP of letters, digits, -, _ and ~",
        )
    return f"{'-'.join(part or 'none' for part in cell.split('/'))}-{number:05d}.tar"
