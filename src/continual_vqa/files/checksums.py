"""CRC-32 sums inside the files that this project writes, so that a damaged byte is noticed.

They guard against damage, not against people. CRC-32 finds every flipped bit and every burst of up
to 32 bits, at about half the cost of SHA-256 (`python -m benchmarks.checksums`; choice of this
project).

The text `MARK` and its sums announce themselves by two words, key and mark, of which one damaged
byte can hide only one: a file with neither is an older one, or made by others, and is taken as is.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator

KEY = "continual_vqa.crc32"
MARK = "continual_vqa:crc32"
_BLANK = "0" * 8


def blank(count: int) -> str:
    """The text of `count` sums that are not known yet, as long as `filled` makes it."""
    return filled([0] * count)


def filled(sums: Iterable[int]) -> str:
    """The text that tells of `sums`."""
    return MARK + "".join(f" {each:08x}" for each in sums)


def parse(text: str, count: int) -> list[int]:
    """The `count` sums of a text.

    Raises
    ------
    ValueError : it is none
    """
    if not re.fullmatch(rf"{MARK}(?: [0-9a-f]{{8}}){{{count}}}", text):
        raise ValueError("its checksums are unreadable")
    return [int(each, 16) for each in text.split(" ")[1:]]


def own_sum(content: bytes, place: int) -> int:
    """The sum of `content`, whose own sum stands in the eight bytes at `place` and counts as 0."""
    running = zlib.crc32(_BLANK.encode(), zlib.crc32(memoryview(content)[:place]))
    return zlib.crc32(memoryview(content)[place + 8 :], running)


def summed(
    pieces: Iterable[bytes | memoryview], sizes: Iterable[int], sums: list[int]
) -> Iterator[bytes | memoryview]:
    """The same pieces; the sum of every stretch of `sizes` bytes is appended to `sums`.

    Pieces may end anywhere. What lies beyond the last stretch is passed on without being summed.
    """
    lengths = iter(sizes)
    left, running = next(lengths, None), 0
    for piece in pieces:
        rest = memoryview(piece).cast("B") if len(piece) else memoryview(b"")
        while left is not None and (left <= len(rest)):
            sums.append(zlib.crc32(rest[:left], running))
            rest, left, running = rest[left:], next(lengths, None), 0
        if left is not None:
            running, left = zlib.crc32(rest, running), left - len(rest)
        yield piece
    while left == 0:
        sums.append(running)
        left = next(lengths, None)
