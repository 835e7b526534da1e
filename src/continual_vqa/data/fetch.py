"""Fetching one large file: resumed where it broke off, checked, and renamed only when whole."""

from __future__ import annotations

import http.client
import shutil
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from continual_vqa.data.sources import Source
from continual_vqa.errors import UserError, naming
from continual_vqa.files.hashing import sha256_file
from continual_vqa.files.progress import Progress

BLOCK = 1 << 20
ATTEMPTS = 5
PAUSE = 2.0  # seconds before the second attempt; doubled before each later one
# Of a file whose size nobody says; the largest official one has 25 GB. Choice of this project.
MAX_DOWNLOAD = 1 << 40
TIMEOUT = 60.0  # seconds without a byte
_USER_AGENT = "continual-vqa"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that is there, whole. `resumed_at`: bytes that a broken transfer had left before."""

    path: Path
    size: int
    sha256: str
    resumed_at: int
    was_there: bool


class _Broken(Exception):
    """The transfer ended early; what came is kept."""


def fetch(
    source: Source,
    folder: Path,
    *,
    attempts: int = ATTEMPTS,
    pause: float = PAUSE,
    timeout: float = TIMEOUT,
) -> Fetched:
    """Bring `source` into `folder`, unless it is there and whole.

    Bytes go to FILE.part; a later call, or the next attempt, goes on where it broke off, provided
    that the server still has the same file (If-Range); a server that cannot resume sends it anew.

    Raises
    ------
    UserError : refused address, broken transfer after all attempts, no space, or a size or checksum
        other than the expected one (the .part file is then removed)
    """
    target = folder / source.file
    if target.exists():
        size, sha256 = _checked(source, target, "delete it to fetch it again")
        return Fetched(target, size, sha256, 0, was_there=True)
    part = target.with_name(f"{target.name}.part")
    with naming(part, "write"):
        part.parent.mkdir(parents=True, exist_ok=True)
        _require_space(source, part)
    resumed_at = part.stat().st_size if part.exists() else 0
    for attempt in range(attempts):
        try:
            _transfer(source, part, timeout)
            break
        except _Broken as broken:
            if attempt + 1 == attempts:
                have = part.stat().st_size if part.exists() else 0
                raise UserError(
                    f"the transfer broke off {attempts} times: {broken}; {have:,} bytes are kept",
                    where=source.url,
                    do="run the same command again to go on from there",
                ) from broken
            time.sleep(pause * 2**attempt)
    try:
        size, sha256 = _checked(source, part, "it was removed; fetch it again")
    except UserError:
        _forget(part)
        raise
    with naming(target, "write"):
        part.replace(target)
        _tag(part).unlink(missing_ok=True)
    return Fetched(target, size, sha256, resumed_at, was_there=False)


def _transfer(source: Source, part: Path, timeout: float) -> None:
    """One request; returns when the whole file is in `part`."""
    have = part.stat().st_size if part.exists() else 0
    if have and have == source.size:
        return
    tag = _tag(part).read_text() if _tag(part).exists() else ""
    headers = {"User-Agent": _USER_AGENT, "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if tag:
            headers["If-Range"] = tag
    request = urllib.request.Request(source.url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            resumes = response.status == 206 and _starts_at(response, have)
            _receive(response, part, have if resumes else 0, source)
    except urllib.error.HTTPError as error:
        if error.code == 416:
            # The part is as long as the file, or longer: the next attempt starts afresh.
            _forget(part)
            raise _Broken("the server has no bytes beyond those kept") from error
        if error.code < 500 and error.code not in (408, 429):
            raise UserError(
                f"the server answers {error.code} {error.reason}",
                where=source.url,
                do="check the address in config/sources.yaml, or fetch the file by hand",
            ) from error
        raise _Broken(f"the server answers {error.code} {error.reason}") from error
    except (http.client.HTTPException, urllib.error.URLError, ConnectionError, TimeoutError) as e:
        raise _Broken(str(getattr(e, "reason", "") or e) or type(e).__name__) from e


def _receive(response: http.client.HTTPResponse, part: Path, start: int, source: Source) -> None:
    left = response.headers.get("Content-Length", "")
    total = start + int(left) if left.isdecimal() and len(left) < 19 else source.size
    if total is not None and source.size is not None and total != source.size:
        _forget(part)
        raise UserError(
            f"the server offers {total:,} bytes",
            where=source.url,
            expected=f"{source.size:,} bytes",
            do="check the address in config/sources.yaml, or fetch the file by hand",
        )
    most = MAX_DOWNLOAD if total is None else total
    with naming(part, "write"), part.open("r+b" if start else "wb") as handle:
        # A weak tag cannot vouch for bytes.
        tag = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
        _tag(part).write_text("" if tag.startswith("W/") else tag)
        handle.seek(start)
        progress = Progress(total, source.file)
        progress.advance(start)
        while block := _next_block(response):
            if handle.tell() + len(block) > most:
                raise UserError(
                    f"the server sends more than {most:,} bytes",
                    where=source.url,
                    do="fetch the file by hand",
                )
            handle.write(block)
            progress.advance(len(block))
        progress.close()
        have = handle.tell()
    if total is not None and have < total:
        raise _Broken(f"{have:,} of {total:,} bytes came")


def _next_block(response: http.client.HTTPResponse) -> bytes:
    # Network errors must not look like errors of the disk.
    try:
        return response.read(BLOCK)
    except (OSError, http.client.HTTPException) as error:
        raise _Broken(str(error) or type(error).__name__) from error


def _starts_at(response: http.client.HTTPResponse, have: int) -> bool:
    return response.headers.get("Content-Range", "").startswith(f"bytes {have}-")


def _checked(source: Source, path: Path, advice: str) -> tuple[int, str]:
    """(size, SHA-256) of a file that has the expected ones."""
    with naming(path, "read"):
        size = path.stat().st_size
    if source.size is not None and size != source.size:
        raise UserError(
            f"has {size:,} bytes", where=path, expected=f"{source.size:,} bytes", do=advice
        )
    sha256 = sha256_file(path)
    if source.sha256 is not None and sha256 != source.sha256:
        raise UserError(f"has SHA-256 {sha256}", where=path, expected=source.sha256, do=advice)
    return size, sha256


def _require_space(source: Source, part: Path) -> None:
    needed = (source.size or 0) - (part.stat().st_size if part.exists() else 0)
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        raise UserError(
            f"{source.file} needs {needed:,} bytes, {free:,} are free",
            where=part.parent,
            do="free some space or choose another folder",
        )


def _tag(part: Path) -> Path:
    return part.with_name(f"{part.name}.tag")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _tag(part).unlink(missing_ok=True)
