"""Bytes that others wrote, read in bounded memory: plain files, gzip, and members of .zip files.

Nothing is ever unpacked to disk, so that no name in an archive can lead anywhere. The limits are
choices of this project: far above every official file, far below what fills a machine.
"""

from __future__ import annotations

import errno
import gzip
import io
import os
import stat
import zipfile
import zlib
from pathlib import Path
from typing import IO

from continual_vqa.errors import UserError, naming

ARCHIVE_MARK = "!/"
# The largest official document, the questions of GQA's training split, has about 1.5 GB.
MAX_DOCUMENT = 8 << 30
# An archive may unpack to this many times its size. Official files reach 25, DEFLATE 1,032.
MAX_RATIO = 200
# ... and to this many bytes whatever its size: a small file may repeat itself.
FREE_BYTES = 64 << 20
# Methods of .zip members. LZMA's headers can ask for gigabytes before a byte is read.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BLOCK = 1 << 20
_GZIP = b"\x1f\x8b"
# What the standard library raises for damaged archives, beside OSError.
_BROKEN_GZIP = (EOFError, zlib.error, gzip.BadGzipFile)
_BROKEN_ZIP = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError,
    OverflowError, LookupError,
)  # fmt: skip


def read_file(path: str | Path, most: int = MAX_DOCUMENT) -> bytes:
    """The bytes of an ordinary file of at most `most` bytes.

    Raises
    ------
    UserError : missing, larger, or no ordinary file (a device or a pipe may never end)
    """
    size = ordinary_size(path)
    if size > most:
        raise _too_large(path, size, most)
    with naming(path, "read"):
        return Path(path).read_bytes()


def ordinary_size(path: str | Path) -> int:
    """The bytes of an ordinary file.

    Raises
    ------
    UserError : missing, or no ordinary file
    """
    with naming(path, "read"):
        about = Path(path).stat()
        if stat.S_ISDIR(about.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(about.st_mode):
        raise UserError("is a device or a pipe", where=path, expected="an ordinary file")
    return about.st_size


def read_document(path: str | Path) -> bytes:
    """The uncompressed bytes of `path`, which may be gzipped or name a member of an archive.

    Raises
    ------
    UserError : missing, damaged, or more than `MAX_DOCUMENT` bytes or `MAX_RATIO` times its size
    """
    name = str(path)
    if ARCHIVE_MARK in name:
        archive, member = name.split(ARCHIVE_MARK, 1)
        return _read_document_of(Path(archive), member)
    if name.endswith(".zip"):
        return _read_document_of(Path(name), None)
    content = read_file(path)
    return _gunzipped(content, path) if content[:2] == _GZIP else content


def open_zip(path: Path) -> zipfile.ZipFile:
    """A .zip file, opened.

    Raises
    ------
    UserError : missing or damaged
    """
    with naming(path, "read"):
        try:
            return zipfile.ZipFile(path)
        except _BROKEN_ZIP as error:
            raise UserError(
                f"damaged zip: {error}", where=path, do="fetch the file again"
            ) from error


def read_member(opened: zipfile.ZipFile, path: Path, member: str, most: int) -> bytes:
    """The bytes of a member of the archive at `path`.

    Raises
    ------
    UserError : no such member, a damaged, encrypted or oddly packed one, or one of more than `most`
        bytes or `MAX_RATIO` times its packed size, as it says itself or as it turns out
    """
    where = f"{path}{ARCHIVE_MARK}{member}"
    with naming(path, "read"):
        try:
            info = opened.getinfo(member)
        except KeyError as error:
            raise UserError(f"has no member {member!r}", where=path) from error
        if info.flag_bits & 1:
            raise UserError("is encrypted", where=where, expected="a plain archive")
        if info.compress_type not in _METHODS:
            raise UserError(
                f"is packed by method {info.compress_type}",
                where=where,
                expected="stored or deflated, as .zip files usually are",
            )
        limit = _limit(info.compress_size, most)
        if info.file_size > limit:
            raise _too_large(where, info.file_size, limit)
        try:
            with opened.open(info) as stream:
                return _bounded(stream, limit, where)
        except _BROKEN_ZIP as error:
            raise UserError(
                f"member {member!r} is damaged: {error}", where=path, do="fetch the file again"
            ) from error


def _read_document_of(archive: Path, member: str | None) -> bytes:
    with open_zip(archive) as opened:
        names = [n for n in opened.namelist() if n.endswith((".json", ".json.gz"))]
        chosen = member if member is not None else (names[0] if len(names) == 1 else None)
        if chosen is None:
            raise UserError(
                f"holds {len(names)} JSON members",
                where=archive,
                expected="one, or its name after '!/'",
                do=f"name one of: {', '.join(names[:6])}",
            )
        content = read_member(opened, archive, chosen, MAX_DOCUMENT)
    if not chosen.endswith(".gz"):
        return content
    return _gunzipped(content, f"{archive}{ARCHIVE_MARK}{chosen}")


def _gunzipped(content: bytes, where: str | Path) -> bytes:
    limit = _limit(len(content), MAX_DOCUMENT)
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
            return _bounded(stream, limit, where)
    except _BROKEN_GZIP as error:
        raise UserError(f"damaged gzip: {error}", where=where, do="fetch the file again") from error


def _limit(packed: int, most: int) -> int:
    return min(most, max(FREE_BYTES, MAX_RATIO * packed))


def _bounded(stream: IO[bytes] | gzip.GzipFile, limit: int, where: str | Path) -> bytes:
    """All bytes of a stream that has no more than `limit`."""
    out = io.BytesIO()
    while block := stream.read(_BLOCK):
        out.write(block)
        if out.tell() > limit:
            raise _too_large(where, out.tell(), limit)
    return out.getvalue()


def _too_large(where: str | Path, size: int, limit: int) -> UserError:
    return UserError(
        f"has {size:,} bytes or more",
        where=where,
        expected=f"at most {limit:,} bytes",
        do="check that it is the right file; a larger one is not read",
    )
