"""The `miniature` block: how large the built-in world is, and how its annotators disagree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from continual_vqa.config.block import Block


@dataclass(frozen=True, slots=True)
class WorldSize:
    """Counts of a named size.

    Attributes
    ----------
    train, test : questions per skill and concept group
    train_images, test_images : images per concept group, each asked about by several skills
    base_images : images of the base split, for pretraining
    gqa_train, gqa_test : images of the GQA files, with about eight questions each
    """

    train: int
    test: int
    train_images: int
    test_images: int
    base_images: int
    gqa_train: int
    gqa_test: int


SIZES = {
    "tiny": WorldSize(24, 12, 60, 40, 120, 24, 12),
    "demo": WorldSize(120, 40, 240, 100, 8000, 100, 40),
    "full": WorldSize(120, 40, 300, 100, 8000, 300, 100),
}
Count = Annotated[int, Field(ge=1)]


class MiniatureConfig(Block):
    """The built-in miniature world. A count left empty (null) is that of the named size."""

    size: Annotated[
        Literal["tiny", "demo", "full"],
        Field(
            description="tiny: tests, a second. demo: 5 skills in ten minutes. full: the benchmark."
        ),
    ] = "demo"
    seed: Annotated[int, Field(ge=0, description="Seed of all images, questions, answers.")] = 0
    disagreement: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="Share of questions that are hard, on which half of the ten annotators err.",
        ),
    ] = 0.2
    train: Annotated[
        Count | None, Field(description="Training questions per skill and concept group.")
    ] = None
    test: Annotated[
        Count | None, Field(description="Test questions per skill and concept group.")
    ] = None
    train_images: Annotated[
        Count | None, Field(description="Training images per concept group.")
    ] = None
    test_images: Annotated[Count | None, Field(description="Test images per concept group.")] = None
    base_images: Annotated[
        Count | None, Field(description="Images of the base split, for pretraining.")
    ] = None
    gqa_train: Annotated[Count | None, Field(description="Training images of the GQA files.")] = (
        None
    )
    gqa_test: Annotated[Count | None, Field(description="Test images of the GQA files.")] = None

    @property
    def counts(self) -> WorldSize:
        """The named size with the counts that are given here."""
        named = SIZES[self.size]
        return WorldSize(
            **{
                name: getattr(named, name) if getattr(self, name) is None else getattr(self, name)
                for name in WorldSize.__slots__
            }
        )
