"""What a visual embedding takes: how a sample is decoded, its shape, and the blank input."""

from __future__ import annotations

import numpy as np

from continual_vqa.config.backbone import VisionConfig
from continual_vqa.config.shards import ShardsConfig
from continual_vqa.shards.decode import Decoder, pixel_decoder, region_decoder

BOX = 4
# The file extensions that each kind of vision reads, for a clear refusal of the others.
EXTENSIONS = {"patches": ("jpg", "png"), "regions": ("npy",)}


def decoder(vision: VisionConfig, shards: ShardsConfig) -> Decoder:
    """From a sample to the array that the visual embedding of `vision` takes."""
    if vision.kind == "regions":
        return region_decoder(vision.regions, vision.feature_size + BOX)
    return pixel_decoder(
        vision.image_size, draft=shards.draft, max_megapixels=shards.max_megapixels
    )


def input_shape(vision: VisionConfig) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and dtype of one visual input."""
    if vision.kind == "regions":
        return (vision.regions, vision.feature_size + BOX), np.dtype(np.float32)
    return (vision.image_size, vision.image_size, 3), np.dtype(np.uint8)


def blank(vision: VisionConfig) -> np.ndarray:
    """What a model sees that is shown no image: mid-grey pixels, or regions of zeros.

    Mid-grey is 0 after scaling, the mean of all colours (choice of this project).
    """
    shape, dtype = input_shape(vision)
    return np.full(shape, 0 if vision.kind == "regions" else 127, dtype)
