"""What can be seen in the miniature world: places, weather, time, colours, people, positions."""

from __future__ import annotations

from dataclasses import dataclass

from continual_vqa.data.miniature.categories import CATEGORIES, PERSON, Category
from continual_vqa.data.scene_graphs import REGION_NAMES

IMAGE_SIDE = 48
PLACE_SIDE = 16
PLACES = REGION_NAMES
POSITIONS = tuple(range(len(PLACES)))

COLORS = {
    "red": (236, 48, 48),
    "orange": (244, 140, 24),
    "yellow": (246, 230, 40),
    "green": (52, 196, 76),
    "blue": (56, 108, 250),
    "purple": (160, 72, 216),
    "pink": (248, 140, 196),
    "white": (250, 250, 250),
}
ROOMS = {
    "kitchen": (196, 168, 132),
    "bathroom": (150, 196, 200),
    "bedroom": (192, 150, 176),
    "garage": (150, 150, 158),
}
OUTSIDE = {
    "street": (104, 104, 116),
    "beach": (222, 204, 150),
    "park": (140, 188, 120),
    "mountain": (128, 148, 190),
}
LOCATIONS = {**ROOMS, **OUTSIDE}
WEATHERS = ("sunny", "rainy", "snowy", "windy")
# The strip of sky (indoors: of the window) along the upper edge.
TIMES = {
    "morning": (250, 170, 190),
    "noon": (250, 246, 200),
    "evening": (230, 110, 20),
    "night": (14, 16, 52),
}
SKY_HEIGHT = 2
PEOPLE = ("man", "woman")
POSES = ("standing", "sitting", "running", "jumping", "sleeping", "waving")


@dataclass(frozen=True, slots=True)
class Thing:
    """An object in one of the nine places; `large` marks the image's main object."""

    category: Category
    color: str
    position: int
    large: bool = False
    person: str = ""
    pose: str = ""

    @property
    def name(self) -> str:
        """What one calls it: the category's name, for people "man" or "woman"."""
        return self.person or self.category.name

    @property
    def place(self) -> str:
        """The name of its place, such as "top left"."""
        return PLACES[self.position]


@dataclass(frozen=True, slots=True)
class Scene:
    """One image: the main object comes first; `weather` is empty indoors."""

    location: str
    weather: str
    time: str
    things: tuple[Thing, ...]

    @property
    def main(self) -> Thing:
        """The object of the largest area."""
        return self.things[0]

    @property
    def indoors(self) -> bool:
        """Whether the place is a room."""
        return self.location in ROOMS

    def of(self, category: Category) -> list[Thing]:
        """All objects of a category."""
        return [each for each in self.things if each.category is category]

    @property
    def people(self) -> list[Thing]:
        """All men and women."""
        return self.of(PERSON)


NAMES = (*PEOPLE, *(each.name for each in CATEGORIES if each is not PERSON))
