"""From a payload to an array: JPEG to pixels, `.npy` to region features, both refused when odd.

Payloads come from files that others made, so sizes are checked before memory is taken for them.
"""

from __future__ import annotations

import io
import math
import struct
import tokenize
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from continual_vqa.data.jpeg import too_many_scans
from continual_vqa.errors import UserError
from continual_vqa.shards.sample import Sample

# What numpy raises for headers, which it takes for expressions of Python.
_NO_ARRAY = (
    ValueError, SyntaxError, EOFError, TypeError, RecursionError, MemoryError, tokenize.TokenError,
)  # fmt: skip
# What becomes RGB without loss of range; Pillow cuts 16-bit and float pixels off at 255.
_MODES = ("RGB", "L", "CMYK", "YCbCr", "P", "RGBA", "LA", "PA", "1")

Decoder = Callable[[Sample], np.ndarray]

# What Pillow raises for damaged files of these formats.
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


def pixel_decoder(size: int, *, draft: bool = False, max_megapixels: float = 50.0) -> Decoder:
    """A decoder of images to uint8 RGB arrays (size, size, 3); the aspect ratio is not kept.

    Parameters
    ----------
    size : width and height in pixels
    draft : let the JPEG decoder scale by 1/2, 1/4 or 1/8 towards (never below) `size`: faster,
        with slightly different pixels; use the same in training and evaluation
    max_megapixels : images that claim more (in millions of pixels) are refused before decoding

    Raises (the decoder)
    ------
    UserError : not an image, damaged, or too large; names shard and key
    """

    def decode(sample: Sample) -> np.ndarray:
        try:
            with Image.open(io.BytesIO(sample.payload), formats=("JPEG", "PNG")) as image:
                if image.width * image.height > max_megapixels * 1e6:
                    raise _refused(
                        sample,
                        f"claims {image.width} x {image.height} pixels",
                        f"at most {max_megapixels:g} million",
                        "leave the image out, or raise shards.max_megapixels",
                    )
                if image.mode not in _MODES:
                    raise _refused(
                        sample,
                        f"has pixels of mode {image.mode}",
                        f"one of {', '.join(_MODES)}",
                        "convert it to 8 bits a channel",
                    )
                if wrong := too_many_scans(bytes(sample.payload)):
                    raise _refused(sample, f"can not be decoded: {wrong}", "an ordinary JPEG")
                return _pixels(image, size, draft)
        except _BROKEN as error:
            raise _refused(sample, f"can not be decoded: {error}", "a whole JPEG image") from error

    return decode


def _pixels(image: Image.Image, size: int, draft: bool) -> np.ndarray:
    if draft:
        image.draft("RGB", (size, size))
    pixels = image if image.mode == "RGB" else image.convert("RGB")
    if pixels.size != (size, size):
        # Pillow's bilinear filter averages when shrinking; bicubic costs a third more time.
        pixels = pixels.resize((size, size), Image.Resampling.BILINEAR)
    return np.array(pixels)


def region_decoder(boxes: int = 36, width: int = 2052) -> Decoder:
    """A decoder of `.npy` region features to float32 arrays (boxes, width), read-only views.

    Raises (the decoder)
    ------
    UserError : not a .npy of that shape and dtype, truncated, or not finite; names shard and key
    """

    def decode(sample: Sample) -> np.ndarray:
        payload = memoryview(sample.payload)
        stream = io.BytesIO(payload[:256])
        try:
            # Only the header: `numpy.load` would take memory for whatever shape it claims.
            version = np.lib.format.read_magic(stream)
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        except _NO_ARRAY as error:
            raise _refused(sample, f"is no .npy array: {error}", "region features") from error
        data = payload[stream.tell() :]
        if version != (1, 0) or fortran or dtype != np.float32 or shape != (boxes, width):
            raise _refused(sample, f"is {dtype} {shape}", f"float32 ({boxes}, {width})")
        if len(data) != math.prod(shape) * dtype.itemsize:
            raise _refused(sample, f"has {len(data):,} bytes of data", "as many as its shape says")
        array = np.frombuffer(data, np.float32).reshape(shape)
        if not np.isfinite(array).all():
            raise _refused(sample, "holds values that are not finite", "finite features")
        return array

    return decode


def _refused(sample: Sample, what: str, expected: str, do: str = "") -> UserError:
    return UserError(
        f"image {sample.key} (question {sample.question_id}) {what}",
        where=sample.shard,
        expected=expected,
        do=do or "replace the image and write the cell again, or leave its questions out",
    )
