"""A scene drawn as 48 x 48 pixels and stored as JPEG, the same bytes from the same seed."""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image

from continual_vqa.data.miniature import glyphs
from continual_vqa.data.miniature.world import (
    COLORS,
    IMAGE_SIDE,
    LOCATIONS,
    PLACE_SIDE,
    ROOMS,
    SKY_HEIGHT,
    TIMES,
    Scene,
    Thing,
)

INK = (24, 20, 24)
NOISE = 3
QUALITY = 92
_SAVING: dict[str, dict[str, int]] = {"JPEG": {"quality": QUALITY, "subsampling": 0}, "PNG": {}}
MARGIN = (PLACE_SIDE - glyphs.SIDE) // 2


def box(thing: Thing) -> tuple[int, int, int, int]:
    """The bounding box of an object: x, y, width, height in pixels."""
    row, column = divmod(thing.position, IMAGE_SIDE // PLACE_SIDE)
    grow = 1 if thing.large else 0
    side = glyphs.SIDE + 2 * grow
    return column * PLACE_SIDE + MARGIN - grow, row * PLACE_SIDE + MARGIN - grow, side, side


def area(thing: Thing) -> int:
    """The pixels that an object covers."""
    return int(_silhouette(thing.large).sum())


def draw(scene: Scene, noise: np.random.Generator, form: str = "JPEG") -> bytes:
    """The scene as a JPEG or PNG: background, weather, sky, objects, and a little sensor noise."""
    pixels = _background(scene.location, scene.weather).copy()
    pixels[:SKY_HEIGHT] = TIMES[scene.time]
    for thing in scene.things:
        x, y, side, _ = box(thing)
        window = pixels[y : y + side, x : x + side]
        window[_silhouette(thing.large)] = COLORS[thing.color]
        grow = (side - glyphs.SIDE) // 2
        inner = window[grow : grow + glyphs.SIDE, grow : grow + glyphs.SIDE]
        inner[glyphs.ink(thing)] = INK
    pixels += noise.integers(-NOISE, NOISE + 1, pixels.shape, dtype=np.int16)
    stream = io.BytesIO()
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    image.save(stream, form, **_SAVING[form])
    return stream.getvalue()


@functools.cache
def _silhouette(large: bool) -> np.ndarray:
    shape = glyphs.shape()
    if not large:
        return shape
    # The main object has a rim: its silhouette grown by one pixel.
    grown = np.pad(shape, 1)
    for axis in (0, 1):
        for step in (-1, 1):
            grown |= np.roll(np.pad(shape, 1), step, axis)
    return grown


@functools.cache
def _background(location: str, weather: str) -> np.ndarray:
    """Ground of a place with its weather, (48, 48, 3) int16; the texture repeats in every place."""
    side = IMAGE_SIDE
    row, column = np.mgrid[:side, :side]
    pixels = np.empty((side, side, 3), np.int16)
    pixels[:] = LOCATIONS[location]
    if location in ROOMS:
        # Tiles: a darker line along every place's lower and right edge.
        pixels[(row % PLACE_SIDE == PLACE_SIDE - 1) | (column % PLACE_SIDE == PLACE_SIDE - 1)] -= 28
        return pixels
    marks = {
        "sunny": ((row + column) % 2 == 0, (28, 24, -12)),
        "rainy": ((row + 2 * column) % 4 == 0, (-70, -60, 20)),
        "snowy": ((row % 4 == 0) & (column % 4 == 0), (110, 110, 110)),
        "windy": (row % 8 < 2, (-28, -28, -28)),
    }
    where, change = marks[weather]
    pixels[where] += np.array(change, np.int16)
    return pixels
