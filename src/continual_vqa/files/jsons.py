"""Reading JSON that others wrote, strictly; damage is named precisely.

Beside what the standard refuses: names given twice in an object, of which one would be lost;
numbers that are no finite floats, or could be made none; and documents nested beyond `MAX_DEPTH`
levels, so that whatever walks through one may call itself.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NoReturn

from continual_vqa.errors import UserError
from continual_vqa.files.reading import read_document

# Official files have up to nine levels (GQA's scene graphs). Choice of this project.
MAX_DEPTH = 100
# The largest float has 309 digits: whole numbers that are not longer can be made one.
MAX_DIGITS = 300
_DIGITS = bytes(ord("0") if chr(c).isdecimal() and c < 128 else c for c in range(256))
_BLOCK = 1 << 24


class _Refused(ValueError):
    """A document that Python's parser would take."""

    def __init__(self, what: str, expected: str) -> None:
        super().__init__(what)
        self.what, self.expected = what, expected


def read_json(path: str | Path) -> object:
    """The document in `path`: `x.json`, `x.json.gz`, `x.zip` (one member), `x.zip!/member.json`.

    Raises
    ------
    UserError : the file is missing, too large (see `files/reading.py`), damaged, truncated (the
        byte is named), not UTF-8, or refused as above
    """
    return parse_json(read_document(path), path)


def parse_json(content: bytes, where: str | Path) -> Any:
    """`content` parsed strictly; `where` is the name used in errors."""
    text = utf8(content, where)
    try:
        document = strict_decoder(content).decode(text)
    except json.JSONDecodeError as error:
        raise UserError(
            json_damage(text, error), where=where, do="fetch or export the file again"
        ) from error
    except (_Refused, RecursionError) as error:
        raise refusal(error, where) from error
    if _depth(content) > MAX_DEPTH:
        raise refusal(RecursionError(), where)
    return document


def parse_text(text: str, where: str | Path) -> Any:
    """`parse_json` of a text, such as one within a file's header."""
    return parse_json(text.encode("utf-8", errors="surrogatepass"), where)


def utf8(content: bytes, where: str | Path) -> str:
    """`content` as text, a byte order mark left out.

    Raises
    ------
    UserError : not UTF-8; the first wrong byte is named
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"byte {error.start:,} is not UTF-8", where=where, do="save the file as UTF-8"
        ) from error


def is_unicode(text: str) -> bool:
    """Whether `text` can be stored: lone surrogates are valid JSON escapes, but no text."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def strict_decoder(content: bytes) -> json.JSONDecoder:
    """A decoder for `content`, which raises a ValueError for `refusal` to explain."""
    # A call for each number costs a fifth of the time: only where one of them may be long.
    long = b"0" * MAX_DIGITS in content.translate(_DIGITS)
    return json.JSONDecoder(
        object_pairs_hook=_object,
        parse_constant=_constant,
        parse_float=_float,
        parse_int=_whole if long else None,
    )


def json_damage(text: str, error: json.JSONDecodeError) -> str:
    """What is wrong with a document that is no JSON, and at which byte."""
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
        return f"truncated JSON: it ends at byte {_bytes(text):,} inside a value"
    reached = _bytes(text[: error.pos])
    return f"invalid JSON at byte {reached:,} (line {error.lineno}): {error.msg}"


def refusal(error: ValueError | RecursionError, where: str | Path) -> UserError:
    """The error for what a strict decoder raised other than a `JSONDecodeError`."""
    if isinstance(error, _Refused):
        return UserError(error.what, where=where, expected=error.expected)
    return UserError("JSON nested too deeply", where=where, expected=f"at most {MAX_DEPTH} levels")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: set[str] = set()
    twice = next(name for name, _ in pairs if name in seen or seen.add(name))
    raise _Refused(f"an object names {twice[:60]!r} twice", "each name once")


def _constant(name: str) -> NoReturn:
    raise _Refused(f"holds {name}, which is not JSON", "finite numbers")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _Refused(f"holds {text[:40]}, which is no finite number", "finite numbers")
    return number


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise _Refused(f"holds a number of {len(text):,} digits", f"at most {MAX_DIGITS}")
    return int(text)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", errors="surrogatepass"))


def _depth(content: bytes) -> int:
    """How deeply a valid document is nested."""
    if content.count(b"[") + content.count(b"{") <= MAX_DEPTH:
        return 0
    import numpy as np

    content = content.replace(b"\\\\", b"").replace(b'\\"', b"")
    deepest = depth = quoted = 0
    for start in range(0, len(content), _BLOCK):
        block = np.frombuffer(content, np.uint8, min(_BLOCK, len(content) - start), start)
        inside = np.bitwise_xor.accumulate(block == ord('"')) ^ bool(quoted)
        # "{" and "}" differ from "[" and "]" in one bit.
        marks = np.where(inside, 0, block | 0x20)
        steps = (marks == ord("{")).astype(np.int8) - (marks == ord("}")).astype(np.int8)
        levels = np.cumsum(steps, dtype=np.int64) + depth
        deepest = max(deepest, int(levels.max()))
        depth, quoted = int(levels[-1]), bool(inside[-1])
    return deepest
