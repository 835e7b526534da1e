"""The `stream` block: which tasks are learned, in which order, with which composition held out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from continual_vqa.config.block import Block
from continual_vqa.config.tasks import TaskKind


class StreamConfig(Block):
    """The sequence of tasks: a task is a skill whose subtasks are the concept groups, or a cell."""

    skills: Annotated[
        Literal["all"] | tuple[str, ...],
        Field(
            description="Skills that are learned, or all of the taxonomy's. Their order here does "
            "not matter: see orders."
        ),
    ] = ("recognition", "location", "count", "color", "subcategory")
    downstream: Annotated[
        tuple[str, ...],
        Field(
            description="Skills that are learned after the stream, each by itself, from what the "
            "stream left and from the base: how what was learned transfers. They are none of "
            "skills; with skills: all they are left out of it."
        ),
    ] = ()
    downstream_questions: Annotated[
        int,
        Field(
            ge=0,
            description="Training questions of a downstream skill, drawn by the run's seed "
            "(low-shot transfer); 0: all.",
        ),
    ] = 0
    downstream_epochs: Annotated[
        int,
        Field(
            ge=0,
            description="Epochs of learning a downstream skill from downstream_questions; 0: "
            "training.epochs.",
        ),
    ] = 0
    groups: Annotated[
        Literal["all"] | tuple[str, ...],
        Field(description="Concept groups within each skill, or all of the taxonomy's."),
    ] = "all"
    tasks: Annotated[
        TaskKind,
        Field(
            description="What a task is. skills: a skill with all its groups. cells: one group of "
            "one skill, e.g. color.G1; published are then all skills with the first group, all "
            "with the second and so on. Cells need held_out: [none]."
        ),
    ] = "skills"
    relabelings: Annotated[
        int,
        Field(
            ge=0,
            description="Copies of every task whose answers are exchanged for one another, by a "
            "permutation of the skill's answers that the copy's number decides: color~1, color~2; "
            "they come after the others. Copies need held_out: [none].",
        ),
    ] = 0
    orders: Annotated[
        tuple[str, ...],
        Field(
            min_length=1,
            description="Orders of the tasks; each is a stream of its own. published: the "
            "taxonomy's, or that of data.sources; reversed; multi-first and mono-first: tasks of "
            "image and text before those of one alone, or after them (ATLAS); permutation-N: "
            "shuffled with seed N; similar-first and dissimilar-first: after each task the one "
            "most (least) similar to it, from the most (least) similar pair on.",
        ),
    ] = ("published",)
    similarity: Annotated[
        str,
        Field(
            description="File with the similarity of all tasks, which similar-first and "
            "dissimilar-first need: written by `continual-vqa similarity`."
        ),
    ] = ""
    held_out: Annotated[
        tuple[str, ...],
        Field(
            min_length=1,
            description="Held-out concept groups; each entry is a stream of its own. none: the "
            "standard setting. G3: group G3 is skipped in every task but the first, and tested "
            "alone as novel compositions (VQACL).",
        ),
    ] = ("none", "G5")
