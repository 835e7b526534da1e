"""Mutations of valid files, for Pythons that have no atheris; and the tokens that both put in."""

from __future__ import annotations

import random
from collections.abc import Sequence

TOKENS = (
    b"NaN", b"-Infinity", b"1e999", b"-1", b"0", b"null", b"true", b"[]", b"{}", b'""', b"[[[[",
    b'{"a":', b"9" * 25, b"9" * 400, b"..", b"../../x", b"/etc/passwd", b"\\u0000", b"\\ud800",
    b"\xff", b"\0", b"\xef\xbb\xbf", b"1.5", b"1e3", b"&a ", b"*a", b"<<: ", b"!!python/name:x ",
    b"!!int ", b"2024-99-99", b"\t", b"\r\n", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff",
    b"\xff" * 8, b"PK\x05\x06", b"\x1f\x8b\x08", b"\xff\xda", b"PAR1", b"F64", b"BF16",
)  # fmt: skip


def mutated(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """`content` with one to six random changes; `others` are spliced in."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) + 1)
        length = min(len(data) - at, int(rng.expovariate(0.1)) + 1)
        match rng.randrange(7):
            case 0 if at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                data[at : at + length] = rng.choice(TOKENS)
            case 2:
                data[at:at] = rng.choice(TOKENS)
            case 3:
                del data[at : at + length]
            case 4:
                data[at:at] = data[at : at + length] * rng.choice((1, 2, 50))
            case 5:
                other = rng.choice(others)
                start = rng.randrange(len(other) + 1)
                data[at : at + length] = other[start : start + length]
            case 6:
                data[at : at + length] = rng.randbytes(length)
    return bytes(data)
