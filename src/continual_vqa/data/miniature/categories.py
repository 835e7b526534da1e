"""The 80 COCO categories, and what the miniature world knows about each of them."""

from __future__ import annotations

from dataclasses import dataclass

from continual_vqa.data.plurals import plural

# COCO's supercategories in its own order; within each: (COCO id, name), "name" where the
# plural is not name + "s".
_COCO = {
    "person": "1 person",
    "vehicle": "2 bicycle, 3 car, 4 motorcycle, 5 airplane, 6 bus, 7 train, 8 truck, 9 boat",
    "outdoor": "10 traffic light, 11 fire hydrant, 13 stop sign, 14 parking meter, 15 bench",
    "animal": "16 bird, 17 cat, 18 dog, 19 horse, 20 sheep, 21 cow, 22 elephant, 23 bear, "
    "24 zebra, 25 giraffe",
    "accessory": "27 backpack, 28 umbrella, 31 handbag, 32 tie, 33 suitcase",
    "sports": "34 frisbee, 35 skis, 36 snowboard, 37 sports ball, 38 kite, 39 baseball bat, "
    "40 baseball glove, 41 skateboard, 42 surfboard, 43 tennis racket",
    "kitchen": "44 bottle, 46 wine glass, 47 cup, 48 fork, 49 knife, 50 spoon, 51 bowl",
    "food": "52 banana, 53 apple, 54 sandwich, 55 orange, 56 broccoli, "
    "57 carrot, 58 hot dog, 59 pizza, 60 donut, 61 cake",
    "furniture": "62 chair, 63 couch, 64 potted plant, 65 bed, 67 dining table, 70 toilet",
    "electronic": "72 tv, 73 laptop, 74 mouse, 75 remote, 76 keyboard, 77 cell phone",
    "appliance": "78 microwave, 79 oven, 80 toaster, 81 sink, 82 refrigerator",
    "indoor": "84 book, 85 clock, 86 vase, 87 scissors, 88 teddy bear, 89 hair drier, "
    "90 toothbrush",
}


@dataclass(frozen=True, slots=True)
class Category:
    """A COCO category: `id` is COCO's (1..90 with gaps), `index` its rank (0..79)."""

    index: int
    id: int
    name: str
    plural: str
    supercategory: str


def _categories() -> tuple[Category, ...]:
    found = []
    for supercategory, listing in _COCO.items():
        for entry in listing.split(", "):
            number, name = entry.split(" ", 1)
            found.append((int(number), name, plural(name), supercategory))
    return tuple(Category(index, *entry) for index, entry in enumerate(found))


CATEGORIES = _categories()
SUPERCATEGORIES = tuple(_COCO)
BY_NAME = {category.name: category for category in CATEGORIES}
PERSON = BY_NAME["person"]


def members(*names: str) -> frozenset[int]:
    """Indices of all categories that are, or whose supercategory is, one of `names`."""
    return frozenset(
        each.index for each in CATEGORIES if each.name in names or each.supercategory in names
    )
