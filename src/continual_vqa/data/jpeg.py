"""Is this a whole JPEG or PNG? A cheap check of its markers, or a decode of every pixel."""

from __future__ import annotations

import io
import warnings

_START, _END, _SCAN = b"\xff\xd8", b"\xff\xd9", 0xDA
_SCAN_START = b"\xff\xda"
# Frame headers SOF0..SOF15 without DHT, JPG and DAC, which share the range.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length


# Pixels of an image: Pillow takes more for a decompression bomb. Choice of this project to refuse
# them where they are indexed, not where they would be decoded.
MAX_PIXELS = 89_478_485
# Scans of a progressive JPEG, each of which costs a walk over all pixels; encoders write up to 12.
MAX_SCANS = 100
# Bytes before the first scan: profiles and previews take a few million.
MAX_HEADERS = 16 << 20
_PNG, _PNG_END = b"\x89PNG\r\n\x1a\n", b"\x00\x00\x00\x00IEND\xae\x42\x60\x82"


def check_markers(content: bytes) -> str:
    """What is wrong with the headers or the end of a JPEG or PNG, or "".

    Of a JPEG it walks the segments up to the scan, asks for a frame of at least one pixel, and for
    an end marker after the scan (a byte pair that the scan itself cannot contain); of a PNG it asks
    for the last chunk. Damage between is only found by `check_pixels`. Refused, too, is an image of
    more than `MAX_PIXELS` or `MAX_SCANS`.
    """
    if not content:
        return "empty"
    if content.startswith(_PNG):
        whole = content.find(_PNG_END) > len(_PNG)
        return _size_of_png(content) if whole else f"truncated after {len(content):,} bytes"
    if not content.startswith(_START):
        return f"no JPEG: it begins with {content[:4].hex()}"
    framed = False
    position = 2
    while True:
        while content[position : position + 2] == b"\xff\xff" and position <= MAX_HEADERS:
            position += 1
        if position > MAX_HEADERS:
            return f"its headers go on after {MAX_HEADERS:,} bytes"
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
            sides = (content[position + 5 : position + 7], content[position + 7 : position + 9])
            if wrong := _wrong_size(*(int.from_bytes(side, "big") for side in sides)):
                return wrong
        if marker == _SCAN:
            break
        if length < 2:
            return f"a segment of length {length} at byte {position:,}"
        position += 2 + length
    if not framed:
        return "no frame header"
    if content.rfind(_END) <= position:
        return f"truncated after {len(content):,} bytes"
    # In a scan's own bytes 0xFF is followed by 0.
    return too_many_scans(content[position:])


def too_many_scans(content: bytes) -> str:
    """That a JPEG has more than `MAX_SCANS`, or ""."""
    scans = content.count(_SCAN_START)
    return f"it has {scans:,} scans, at most {MAX_SCANS} are read" if scans > MAX_SCANS else ""


def _size_of_png(content: bytes) -> str:
    if content[12:16] != b"IHDR" or len(content) < 24:
        return "no header chunk"
    return _wrong_size(*(int.from_bytes(content[at : at + 4], "big") for at in (20, 16)))


def _wrong_size(height: int, width: int) -> str:
    if not height or not width:
        return "it has no pixels"
    if height * width > MAX_PIXELS:
        return f"it claims {width} x {height} pixels, at most {MAX_PIXELS:,} are read"
    return ""


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
