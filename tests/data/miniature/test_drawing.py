from __future__ import annotations

import io
import itertools
import random

import numpy as np
import pytest
from PIL import Image

from continual_vqa.data.miniature import glyphs
from continual_vqa.data.miniature.categories import BY_NAME, PERSON
from continual_vqa.data.miniature.drawing import area, box, draw
from continual_vqa.data.miniature.scenes import random_scene
from continual_vqa.data.miniature.world import (
    COLORS,
    IMAGE_SIDE,
    LOCATIONS,
    OUTSIDE,
    PLACE_SIDE,
    TIMES,
    WEATHERS,
    Scene,
    Thing,
)


def seen(scene: Scene, seed: int = 0) -> np.ndarray:
    noise = np.random.Generator(np.random.Philox(seed))
    return np.asarray(Image.open(io.BytesIO(draw(scene, noise)))).astype(int)


def patch(pixels: np.ndarray, thing: Thing) -> np.ndarray:
    row, column = divmod(thing.position, 3)
    return pixels[row * PLACE_SIDE :, column * PLACE_SIDE :][2:14, 2:14]


def test_glyphs_differ_in_a_fifth_of_their_pixels() -> None:
    inks = glyphs.all_ink()
    assert len(inks) == 79 + 2 * 6
    least = min((a ^ b).sum() for a, b in itertools.combinations(inks.values(), 2))
    assert least >= 0.2 * glyphs.SIDE**2


def test_all_glyphs_have_the_same_amount_of_ink() -> None:
    assert len({int(ink.sum()) for ink in glyphs.all_ink().values()}) == 1


@pytest.mark.parametrize("color", list(COLORS))
@pytest.mark.parametrize("large", [False, True])
def test_every_glyph_is_read_off_the_jpeg(color: str, large: bool) -> None:
    inks = glyphs.all_ink()
    inside = glyphs.shape()
    for (name, pose), ink in inks.items():
        person = name if pose else ""
        category = PERSON if pose else BY_NAME[name]
        thing = Thing(category, color, 4, large, person, pose)
        pixels = patch(seen(Scene("beach", "rainy", "night", (thing,))), thing).mean(-1)
        dark = pixels < (np.mean(COLORS[color]) + 22) / 2
        wrong = {key: (dark ^ each)[inside].sum() for key, each in inks.items()}
        assert min(wrong, key=wrong.__getitem__) == (name, pose)
        assert wrong[name, pose] <= 4
        assert ink.any()


def test_every_color_is_read_off_the_jpeg() -> None:
    for color in COLORS:
        thing = Thing(BY_NAME["dog"], color, 0)
        pixels = patch(seen(Scene("kitchen", "", "noon", (thing,))), thing)
        filled = pixels[glyphs.shape() & ~glyphs.ink(thing)].mean(0)
        nearest = min(COLORS, key=lambda c: np.abs(filled - COLORS[c]).sum())
        assert nearest == color


def test_place_weather_and_time_show() -> None:
    grounds = {
        (location, weather): seen(Scene(location, weather, "noon", ()))
        for location in LOCATIONS
        for weather in (WEATHERS if location in OUTSIDE else ("",))
    }
    # In every single place, not only somewhere in the image.
    for a, b in itertools.combinations(grounds.values(), 2):
        differing = np.abs(a - b).sum(-1)
        for row, column in itertools.product(range(3), repeat=2):
            place = differing[row * 16 + 2 : row * 16 + 16, column * 16 : column * 16 + 16]
            assert place.max() > 30
    skies = [seen(Scene("park", "sunny", time, ()))[0].mean(0) for time in TIMES]
    assert min(np.abs(a - b).sum() for a, b in itertools.combinations(skies, 2)) > 60


def test_boxes_enclose_what_is_drawn_and_the_main_object_is_the_largest() -> None:
    rng = random.Random(0)
    for _ in range(200):
        scene = random_scene(rng)
        assert [thing.large for thing in scene.things] == [True] + [False] * (len(scene.things) - 1)
        assert area(scene.main) > max((area(each) for each in scene.things[1:]), default=0)
        for thing in scene.things:
            x, y, w, h = box(thing)
            assert 0 <= x < x + w <= IMAGE_SIDE
            assert 0 <= y < y + h <= IMAGE_SIDE
            assert 0 < area(thing) <= w * h
            assert thing.position == y // PLACE_SIDE * 3 + x // PLACE_SIDE


def test_the_same_noise_gives_the_same_bytes_and_other_noise_others() -> None:
    scene = random_scene(random.Random(1))
    first, again, other = (
        draw(scene, np.random.Generator(np.random.Philox(seed))) for seed in (1, 1, 2)
    )
    assert first == again != other
