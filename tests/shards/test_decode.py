from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from continual_vqa.errors import UserError
from continual_vqa.shards.decode import pixel_decoder, region_decoder
from continual_vqa.shards.sample import Sample
from shards.world import jpeg


def sample(payload: bytes, extension: str = "jpg") -> Sample:
    return Sample(
        *("vqav2", "train", "5", "1", "What?", (), "a", "what", "other", "count", "dog", "G1", ()),
        key="1",
        shard="train-count-G1-00000.tar",
        extension=extension,
        payload=memoryview(payload),
    )


def encoded(pixels: np.ndarray, form: str = "JPEG", mode: str | None = None) -> bytes:
    stream = io.BytesIO()
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(stream, form)
    return stream.getvalue()


def npy(array: np.ndarray, **options: bool) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def smooth(width: int = 320, height: int = 240) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    planes = [x * 255 / width, y * 255 / height, (x + y) * 255 / (width + height)]
    return np.stack(planes, -1).astype(np.uint8)


@pytest.mark.parametrize("draft", [False, True])
def test_pixels_have_the_asked_size_and_the_image_s_colours(draft: bool) -> None:
    array = pixel_decoder(64, draft=draft)(sample(encoded(smooth())))
    assert (array.shape, array.dtype) == ((64, 64, 3), np.uint8)
    assert array.flags.writeable
    wanted = np.asarray(Image.fromarray(smooth()).resize((64, 64), Image.Resampling.BOX))
    assert abs(array.astype(int) - wanted).max() < 12


def test_draft_never_goes_below_the_size() -> None:
    exact, fast = (pixel_decoder(100, draft=d)(sample(encoded(smooth()))) for d in (False, True))
    assert abs(exact.astype(int) - fast).mean() < 1.5


def test_image_of_the_asked_size_is_not_resampled() -> None:
    payload = encoded(smooth(64, 64))
    array = pixel_decoder(64)(sample(payload))
    assert (array == np.asarray(Image.open(io.BytesIO(payload)))).all()


@pytest.mark.parametrize(("form", "mode"), [("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "P")])
def test_other_modes_become_rgb(form: str, mode: str) -> None:
    array = pixel_decoder(32)(sample(encoded(smooth(), form, mode)))
    assert array.shape == (32, 32, 3)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims a huge picture."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks
    )


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "can not be decoded"),
        (b"no image at all", "can not be decoded"),
        (jpeg(1)[:300], "can not be decoded"),
        (b"GIF89a" + bytes(100), "can not be decoded"),
        (bomb(9000, 9000), "claims 9000 x 9000 pixels; expected at most 50 million"),
        (bomb(60_000, 60_000), "can not be decoded"),
        (encoded(np.zeros((4, 4), np.uint16), "PNG"), "has pixels of mode I;16"),
        (jpeg(1)[:-2] + b"\xff\xda" * 100 + b"\xff\xd9", "it has 101 scans"),
    ],
)
def test_what_is_no_sound_image_is_refused_with_shard_and_key(payload: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        pixel_decoder(32)(sample(payload))
    assert "train-count-G1-00000.tar: image 1 (question 5)" in str(caught.value)


@given(st.integers(2, 600), st.integers(0, 255))
def test_damaged_bytes_decode_or_are_refused(position: int, value: int) -> None:
    payload = bytearray(jpeg(3))
    payload[position % len(payload)] = value
    try:
        assert pixel_decoder(16)(sample(bytes(payload))).shape == (16, 16, 3)
    except UserError as error:
        assert "image 1" in str(error)


def test_region_features_are_read_as_they_are() -> None:
    features = np.random.default_rng(0).normal(size=(36, 2052)).astype(np.float32)
    assert (region_decoder()(sample(npy(features), "npy")) == features).all()


GOOD = np.ones((36, 2052), np.float32)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "is no .npy array"),
        (b"\x93NUMPY\x01\x00", "is no .npy array"),
        (npy(np.array([{}], dtype=object), allow_pickle=True), "is object"),
        (npy(GOOD.astype(np.float64)), r"is float64 \(36, 2052\); expected float32"),
        (npy(GOOD[:, :5]), r"is float32 \(36, 5\)"),
        (npy(np.asfortranarray(GOOD)), "is float32"),
        (npy(GOOD)[:-4], "bytes of data"),
        (npy(GOOD) + b"x", "bytes of data"),
        (npy(GOOD * np.inf), "not finite"),
        (npy(GOOD).replace(b"(36, 2052)", b"(9**9**9,)"), "is no .npy array"),
    ],
)
def test_odd_region_features_are_refused(payload: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        region_decoder()(sample(payload, "npy"))
