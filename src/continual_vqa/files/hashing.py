"""Content hashes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from continual_vqa.errors import naming


def sha256_bytes(content: bytes | memoryview) -> str:
    """Hex SHA-256 of `content`."""
    return hashlib.sha256(content).hexdigest()


def sha256_file(path: str | Path) -> str:
    """Hex SHA-256 of a file, read in blocks."""
    with naming(path, "read"), Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def short(text: str, length: int = 10) -> str:
    """The first `length` hex digits of the SHA-256 of `text`: a name for a setting."""
    return sha256_bytes(text.encode())[:length]
