"""How the parts of a model look in figures that compare them."""

from __future__ import annotations

from collections.abc import Iterable

from continual_vqa.analysis.figures.style import GREY, Style

BOTH = "both"


def part_look(style: Style, parts: Iterable[str], part: str) -> tuple[str, str]:
    """Colour and mark of a part among `parts`; grey for all of them together."""
    if part == BOTH:
        return GREY, "D"
    number = sorted(parts, reverse=True).index(part)
    return style.colour(number), style.marker(number)
