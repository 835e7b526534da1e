"""The `stream` block: which tasks are learned, in which order, with which composition held out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from continual_vqa.config.block import Block


class StreamConfig(Block):
    """The sequence of tasks: a task is a skill, its subtasks are the concept groups."""

    skills: Annotated[
        Literal["all"] | tuple[str, ...],
        Field(
            description="Skills that are learned, or all of the taxonomy's. Their order here does "
            "not matter: see orders."
        ),
    ] = ("recognition", "location", "count", "color", "subcategory")
    groups: Annotated[
        Literal["all"] | tuple[str, ...],
        Field(description="Concept groups within each skill, or all of the taxonomy's."),
    ] = "all"
    orders: Annotated[
        tuple[str, ...],
        Field(
            min_length=1,
            description="Orders of the skills; each is a stream of its own. published: the "
            "taxonomy's; reversed; permutation-N: shuffled with seed N.",
        ),
    ] = ("published",)
    held_out: Annotated[
        tuple[str, ...],
        Field(
            min_length=1,
            description="Held-out concept groups; each entry is a stream of its own. none: the "
            "standard setting. G3: group G3 is skipped in every task but the first, and tested "
            "alone as novel compositions (VQACL).",
        ),
    ] = ("none", "G5")
