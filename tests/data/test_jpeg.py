"""Whole JPEGs pass; cut and foreign ones do not."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from continual_vqa.data.jpeg import check_markers, check_pixels
from data.official_files import jpeg

WHOLE = jpeg(30, 48)


@pytest.mark.parametrize("check", [check_markers, check_pixels])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 5}, {"exif": b"x" * 9}])
def test_whole_images_pass(check, options: dict) -> None:
    stream = io.BytesIO()
    Image.effect_noise((33, 21), 80).save(stream, "JPEG", **options)
    assert check(stream.getvalue()) == ""
    # Cameras and web servers append bytes.
    assert check_markers(stream.getvalue() + b"\0\0trailing") == ""


@given(st.integers(0, len(WHOLE) - 2))
def test_a_truncated_image_never_passes(length: int) -> None:
    assert check_markers(WHOLE[:length])
    assert check_pixels(WHOLE[:length])


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_judged_without_an_exception(content: bytes, started: bool) -> None:
    content = b"\xff\xd8" + content if started else content
    assert isinstance(check_markers(content), str)
    assert isinstance(check_pixels(content), str)


def test_other_formats_are_named() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (2, 2)).save(stream, "GIF")
    assert check_markers(stream.getvalue()) == "no JPEG: it begins with 47494638"
    assert check_markers(b"") == "empty"


def test_a_png_passes_when_it_is_whole() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (9, 7), (1, 200, 3)).save(stream, "PNG")
    whole = stream.getvalue()
    assert check_markers(whole) == check_pixels(whole) == ""
    for length in range(8, len(whole)):
        assert check_markers(whole[:length]).startswith("truncated after")
        assert check_pixels(whole[:length])
    damaged = bytearray(whole)
    damaged[whole.index(b"IDAT") + 8] ^= 0xFF
    assert check_markers(bytes(damaged)) == ""
    assert check_pixels(bytes(damaged))


def claiming(width: int, height: int, scans: int = 1) -> bytes:
    """A JPEG of a few bytes: its frame's header says so."""
    frame = b"\xff\xc0\0\x0b\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return b"\xff\xd8" + frame + b"\1\1\x11\0" + b"\xff\xda\0\x08\1\1\0\0?\0" * scans + b"\xff\xd9"


def png(width: int, height: int) -> bytes:
    content = bytearray(encoded_png())
    content[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return bytes(content)


def encoded_png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 3)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("check", [check_markers, check_pixels])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (claiming(50_000, 50_000), "it claims 50000 x 50000 pixels, at most 89,478,485 are read"),
        (png(50_000, 50_000), "it claims 50000 x 50000 pixels"),
        (png(2**32 - 1, 2**32 - 1), "it claims 4294967295 x 4294967295 pixels"),
        (png(0, 3), "it has no pixels"),
        (claiming(0, 3), "it has no pixels"),
        (claiming(8, 8, scans=101), "it has 101 scans, at most 100 are read"),
        (b"\xff\xd8" + b"\xff" * (17 << 20), "its headers go on after 16,777,216 bytes"),
    ],
    ids=["jpeg", "png", "huge", "flat-png", "flat-jpeg", "scans", "endless"],
)
def test_bombs_are_refused_by_what_they_claim(check, content: bytes, reason: str) -> None:
    assert check(content).startswith(reason)


def test_as_many_pixels_as_may_be_are_no_bomb() -> None:
    assert check_markers(claiming(9_000, 9_000, scans=100)) == ""
