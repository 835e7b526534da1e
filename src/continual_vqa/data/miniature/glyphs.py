"""One glyph per category (for people: per sex and pose), as 12 x 12 masks of ink.

A glyph is a frame of blocks, common to its supercategory, around a core of its own. Both are
mirrored left to right, so that they read as figures, and chosen far apart from each other.
Blocks are 2 x 2 pixels; what is not ink is filled with the object's colour.
"""

from __future__ import annotations

import functools
import itertools

import numpy as np

from continual_vqa.data.miniature.categories import CATEGORIES, PERSON, SUPERCATEGORIES
from continual_vqa.data.miniature.world import NAMES, PEOPLE, POSES, Thing

BLOCK = 2
BLOCKS = 6
SIDE = BLOCK * BLOCKS
# Half of the frame (left to right mirrored), without the corners, which stay empty.
_FRAME = (
    tuple((0, c) for c in (1, 2))
    + tuple((5, c) for c in (1, 2))
    + tuple((r, 0) for r in (1, 2, 3, 4))
)
_CORE = tuple((r, c) for r in (1, 2, 3, 4) for c in (1, 2))
_CORNERS = tuple(itertools.product((0, 5), (0, 5)))


def shape() -> np.ndarray:
    """The silhouette of every glyph: bool (12, 12), True where it covers the background."""
    blocks = np.ones((BLOCKS, BLOCKS), bool)
    for row, column in _CORNERS:
        blocks[row, column] = False
    return _pixels(blocks)


def ink(thing: Thing) -> np.ndarray:
    """The dark part of an object's glyph: bool (12, 12)."""
    return all_ink()[(thing.name, thing.pose)]


@functools.cache
def all_ink() -> dict[tuple[str, str], np.ndarray]:
    """The ink of all glyphs by (name, pose): 79 categories, and six poses of man and woman."""
    frames = _codes(len(SUPERCATEGORIES) + 1)
    cores = _codes(10)
    glyphs = {}
    seen = dict.fromkeys(SUPERCATEGORIES, 0)
    for category in CATEGORIES:
        if category is PERSON:
            continue
        frame = frames[SUPERCATEGORIES.index(category.supercategory)]
        core = cores[seen[category.supercategory]]
        seen[category.supercategory] += 1
        glyphs[category.name, ""] = _assemble(frame, core)
    for person, frame in zip(PEOPLE, (frames[0], frames[-1]), strict=True):
        for pose, core in zip(POSES, cores, strict=False):
            glyphs[person, pose] = _assemble(frame, core)
    if {name for name, _ in glyphs} != set(NAMES):
        raise AssertionError("a category without a glyph")
    return glyphs


def _codes(count: int) -> list[tuple[int, ...]]:
    """`count` words of eight bits, each with four ones, pairwise at least four bits apart.

    The first fit in lexicographic order gives 14 words (of the extended Hamming code).
    """
    chosen: list[tuple[int, ...]] = []
    for word in itertools.product((0, 1), repeat=8):
        apart = all(sum(a != b for a, b in zip(word, each, strict=True)) >= 4 for each in chosen)
        if sum(word) == 4 and apart:
            chosen.append(word)
    if len(chosen) < count:
        raise AssertionError(f"only {len(chosen)} of {count} words")
    return chosen[:count]


def _assemble(frame: tuple[int, ...], core: tuple[int, ...]) -> np.ndarray:
    blocks = np.zeros((BLOCKS, BLOCKS), bool)
    for (row, column), bit in zip((*_FRAME, *_CORE), (*frame, *core), strict=True):
        blocks[row, column] = blocks[row, BLOCKS - 1 - column] = bool(bit)
    return _pixels(blocks)


def _pixels(blocks: np.ndarray) -> np.ndarray:
    return blocks.repeat(BLOCK, 0).repeat(BLOCK, 1)
