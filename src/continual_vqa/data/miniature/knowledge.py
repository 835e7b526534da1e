"""What everybody in the miniature world knows: kinds, purposes, reasons, brands, properties."""

from __future__ import annotations

from dataclasses import dataclass

from continual_vqa.data.miniature.categories import members

KINDS = {
    "person": "human",
    "vehicle": "vehicle",
    "outdoor": "street item",
    "animal": "animal",
    "accessory": "accessory",
    "sports": "sports gear",
    "kitchen": "tableware",
    "food": "food",
    "furniture": "furniture",
    "electronic": "electronics",
    "appliance": "appliance",
    "indoor": "household item",
}
PURPOSES = {
    "person": "to talk",
    "vehicle": "to travel",
    "outdoor": "safety",
    "animal": "company",
    "accessory": "to carry",
    "sports": "to play",
    "kitchen": "to serve",
    "food": "hungry",
    "furniture": "to rest",
    "electronic": "to call",
    "appliance": "to bake",
    "indoor": "to decorate",
}
VISITS = {
    "kitchen": "to cook",
    "bathroom": "to wash",
    "bedroom": "to sleep",
    "garage": "to work",
    "street": "to shop",
    "beach": "to swim",
    "park": "to walk",
    "mountain": "to climb",
}
WEATHER_REASONS = {
    "sunny": "too hot",
    "rainy": "raining",
    "snowy": "too cold",
    "windy": "storm",
}
SPORTS = {
    "frisbee": "ultimate",
    "skis": "skiing",
    "snowboard": "snowboarding",
    "sports ball": "soccer",
    "kite": "kiting",
    "baseball bat": "baseball",
    "baseball glove": "baseball",
    "skateboard": "skateboarding",
    "surfboard": "surfing",
    "tennis racket": "tennis",
}
# A brand has its house colour.
BRANDS = {
    "red": "canon",
    "orange": "fila",
    "yellow": "nikon",
    "green": "acer",
    "blue": "dell",
    "purple": "yahoo",
    "pink": "barbie",
    "white": "apple",
}
BRANDED = members("vehicle", "accessory", "electronic", "appliance", "kitchen", "sports")
BRANDED |= members("clock", "teddy bear", "hair drier", "toothbrush")


@dataclass(frozen=True, slots=True)
class Property:
    """A yes/no question about the main object; categories in neither set are not asked about."""

    text: str
    question_type: str
    yes: frozenset[int]
    no: frozenset[int]


_MADE = members("vehicle", "outdoor", "accessory", "furniture", "electronic", "appliance", "indoor")
PROPERTIES = (
    Property("Can you eat this?", "can you", members("food"), _MADE | members("sports", "kitchen")),
    Property(
        "Does this have a heart?",
        "does this",
        members("animal", "person"),
        _MADE | members("food", "kitchen", "sports"),
    ),
    Property(
        "Do you plug this in?",
        "do you",
        members("electronic", "appliance", "hair drier") - members("sink", "cell phone", "mouse"),
        members("animal", "food", "accessory", "kitchen", "sports", "person"),
    ),
    Property(
        "Could you lift this with one hand?",
        "could",
        members("accessory", "kitchen", "food", "electronic", "indoor") - members("tv"),
        members("vehicle", "furniture", "outdoor") | members("oven", "refrigerator", "sink"),
    ),
    Property(
        "Has this been on a dinner table?",
        "has",
        members("kitchen", "food"),
        members("vehicle", "outdoor", "animal", "sports", "appliance", "accessory"),
    ),
)
