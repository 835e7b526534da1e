"""The `miniature` block: how large the built-in world is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from continual_vqa.config.block import Block


@dataclass(frozen=True, slots=True)
class WorldSize:
    """Counts of one named size.

    Attributes
    ----------
    train, test : questions per skill and concept group
    train_images, test_images : images per concept group, shared by all skills
    base_images : images of the base split, disjoint from both
    gqa_images : images of each GQA split
    task_train, task_test : questions of each task beyond (entailment, choices, pairs, classes)
    """

    train: int
    test: int
    train_images: int
    test_images: int
    base_images: int
    gqa_images: int
    task_train: int
    task_test: int


SIZES: dict[str, WorldSize] = {
    "tiny": WorldSize(20, 10, 80, 60, 200, 20, 60, 30),
    "demo": WorldSize(120, 40, 300, 150, 6000, 200, 300, 100),
    "full": WorldSize(120, 40, 300, 150, 8000, 300, 1200, 300),
}


class MiniatureConfig(Block):
    """The built-in miniature world: seeded images and questions in the official formats."""

    size: Annotated[
        Literal["tiny", "demo", "full"],
        Field(description="tiny: for tests. demo: for `make demo`. full: for whole benchmarks."),
    ] = "demo"
    seed: Annotated[int, Field(ge=0, description="Seed of the world; same seed, same bytes.")] = 0
    disagreement: Annotated[
        float,
        Field(ge=0, le=1, description="Share of the questions on which annotators disagree."),
    ] = 0.25
