"""Reading JSON that others wrote: plain, gzipped or inside a .zip; damage is named precisely."""

from __future__ import annotations

import gzip
import json
import zipfile
import zlib
from pathlib import Path
from typing import NoReturn

from continual_vqa.errors import UserError, naming

ARCHIVE_MARK = "!/"


def read_json(path: str | Path) -> object:
    """The document in `path`: `x.json`, `x.json.gz`, `x.zip` (one member), `x.zip!/member.json`.

    Raises
    ------
    UserError : the file is missing, damaged, truncated (the byte is named), not UTF-8, nested too
        deeply, or holds NaN or Infinity (which JSON does not have)
    """
    return parse_json(read_document(path), path)


def parse_json(content: bytes, where: str | Path) -> object:
    """`content` parsed strictly; `where` is the name used in errors."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"byte {error.start:,} is not UTF-8", where=where, do="save the file as UTF-8"
        ) from error
    try:
        return json.loads(text, parse_constant=lambda name: _refuse_constant(name, where))
    except json.JSONDecodeError as error:
        at_end = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
        reached = len(text[: error.pos].encode())
        what = (
            f"truncated JSON: it ends at byte {len(content):,} inside a value"
            if at_end
            else f"invalid JSON at byte {reached:,} (line {error.lineno}): {error.msg}"
        )
        raise UserError(what, where=where, do="fetch or export the file again") from error
    except RecursionError as error:
        raise UserError(
            "JSON nested too deeply", where=where, expected="an official file's few levels"
        ) from error


def read_document(path: str | Path) -> bytes:
    """The uncompressed bytes of `path`, which may be gzipped or name a member of an archive."""
    name = str(path)
    if ARCHIVE_MARK in name:
        archive, member = name.split(ARCHIVE_MARK, 1)
        return _read_member(Path(archive), member)
    if name.endswith(".zip"):
        return _read_member(Path(name), None)
    with naming(path, "read"):
        content = Path(path).read_bytes()
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"damaged gzip: {error}", where=path, do="fetch the file again") from error


def _read_member(archive: Path, member: str | None) -> bytes:
    with naming(archive, "read"):
        try:
            with zipfile.ZipFile(archive) as opened:
                names = [n for n in opened.namelist() if n.endswith((".json", ".json.gz"))]
                chosen = member if member is not None else (names[0] if len(names) == 1 else None)
                if chosen is None:
                    raise UserError(
                        f"holds {len(names)} JSON members",
                        where=archive,
                        expected="one, or its name after '!/'",
                        do=f"name one of: {', '.join(names[:6])}",
                    )
                content = opened.read(chosen)
        except KeyError as error:
            raise UserError(f"has no member {member!r}", where=archive) from error
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise UserError(
                f"damaged zip: {error}", where=archive, do="fetch the file again"
            ) from error
    return gzip.decompress(content) if chosen.endswith(".gz") else content


def _refuse_constant(name: str, where: str | Path) -> NoReturn:
    raise UserError(f"holds {name}, which is not JSON", where=where, expected="finite numbers")
