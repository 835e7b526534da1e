"""Is this a whole JPEG or PNG? A cheap check of its markers, or a decode of every pixel."""

from __future__ import annotations

import io
import warnings

_START, _END, _SCAN = b"\xff\xd8", b"\xff\xd9", 0xDA
# Frame headers SOF0..SOF15 without DHT, JPG and DAC, which share the range.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length


_PNG, _PNG_END = b"\x89PNG\r\n\x1a\n", b"\x00\x00\x00\x00IEND\xae\x42\x60\x82"


def check_markers(content: bytes) -> str:
    """What is wrong with the headers or the end of a JPEG or PNG, or "".

    Of a JPEG it walks the segments up to the scan, asks for a frame of at least one pixel, and for
    an end marker after the scan (a byte pair that the scan itself cannot contain); of a PNG it asks
    for the last chunk. Damage between is only found by `check_pixels`.
    """
    if not content:
        return "empty"
    if content.startswith(_PNG):
        whole = content.find(_PNG_END) > len(_PNG)
        return "" if whole else f"truncated after {len(content):,} bytes"
    if not content.startswith(_START):
        return f"no JPEG: it begins with {content[:4].hex()}"
    framed = False
    position = 2
    while True:
        while content[position : position + 2] == b"\xff\xff":
            position += 1
        if len(content) < position + 4:
            return f"truncated after {len(content):,} bytes, within its headers"
        if content[position] != 0xFF:
            return f"no marker at byte {position:,}"
        marker = content[position + 1]
        if marker in _ALONE:
            position += 2
            continue
        length = int.from_bytes(content[position + 2 : position + 4], "big")
        if marker in _FRAMES:
            framed = True
            if not any(content[position + 5 : position + 7]) or not any(
                content[position + 7 : position + 9]
            ):
                return "it has no pixels"
        if marker == _SCAN:
            break
        if length < 2:
            return f"a segment of length {length} at byte {position:,}"
        position += 2 + length
    if not framed:
        return "no frame header"
    return "" if content.rfind(_END) > position else f"truncated after {len(content):,} bytes"


def check_pixels(content: bytes) -> str:
    """What is wrong with a JPEG or PNG when every pixel is decoded, or ""."""
    from PIL import Image, UnidentifiedImageError

    reason = check_markers(content)
    if reason:
        return reason
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=["JPEG", "PNG"]) as image:
                image.load()
    except (
        OSError,
        SyntaxError,
        ValueError,
        UnidentifiedImageError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        return str(error)
    return ""


CHECKS = {"markers": check_markers, "decode": check_pixels}
