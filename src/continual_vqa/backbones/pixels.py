"""A sample's bytes -> the array that a visual embedding takes.

Pictures are scaled with Pillow's bilinear filter in training and evaluation alike, after decoding
in full: the reduced-scale decoding of JPEG would change pixels slightly.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, UnidentifiedImageError

from continual_vqa.config.backbone import VisionConfig
from continual_vqa.errors import UserError

Payload = bytes | memoryview


def pixels(payload: Payload, vision: VisionConfig, where: str) -> np.ndarray:
    """uint8 (image_size, image_size, 3) of an encoded picture.

    Raises
    ------
    UserError : the bytes are no readable picture; `where` names the sample
    """
    side = vision.image_size
    try:
        with Image.open(io.BytesIO(payload)) as image:
            rgb = image if image.mode == "RGB" else image.convert("RGB")
            if rgb.size != (side, side):
                rgb = rgb.resize((side, side), Image.Resampling.BILINEAR)
            return np.asarray(rgb, np.uint8)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(
            f"the picture cannot be decoded: {error}",
            where=where,
            do="make the shard again, or leave the image out with data.on_bad_record: skip",
        ) from error


def regions(payload: Payload, vision: VisionConfig, where: str) -> np.ndarray:
    """float32 (regions, feature_size + 4) of a .npy array.

    Raises
    ------
    UserError : not a .npy array, or one of another shape
    """
    expected = (vision.regions, vision.feature_size + 4)
    try:
        array = np.load(io.BytesIO(payload), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise UserError(f"not a .npy array: {error}", where=where) from error
    if array.shape != expected:
        raise UserError(
            f"region features of shape {array.shape}",
            where=where,
            expected=f"{expected} (backbone.vision.regions, feature_size + 4)",
        )
    return np.ascontiguousarray(array, np.float32)


def shape_of(vision: VisionConfig) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and dtype of one visual input."""
    if vision.kind == "regions":
        return (vision.regions, vision.feature_size + 4), np.dtype(np.float32)
    return (vision.image_size, vision.image_size, 3), np.dtype(np.uint8)


# kind -> (payload, config, name of the sample) -> array
READERS: dict[str, Callable[[Payload, VisionConfig, str], np.ndarray]] = {
    "patches": pixels,
    "regions": regions,
}
# The file extension that each kind reads, for a clear refusal of the other.
EXTENSIONS = {"patches": "jpg", "regions": "npy"}
