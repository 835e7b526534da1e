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
