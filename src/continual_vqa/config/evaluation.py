"""The `evaluation` block: how answers are generated and which tasks are tested after each step."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from continual_vqa.config.block import Block


class EvaluationConfig(Block):
    """Generation and coverage of the evaluation."""

    beam: Annotated[
        int, Field(ge=1, le=64, description="Beams of the beam search (VQACL: 5). 1: greedy.")
    ] = 5
    batch_size: Annotated[int, Field(ge=1, description="Questions answered at a time.")] = 200
    max_answer_tokens: Annotated[
        int, Field(ge=1, le=256, description="Longest answer, in tokens with the end mark.")
    ] = 5
    split: Annotated[
        Literal["val", "test"], Field(description="Split whose questions are answered.")
    ] = "test"
    tasks: Annotated[
        Literal["seen", "all"],
        Field(
            description="Tasks tested after a step. seen: those learned so far (all that AP, AF "
            "and BWT need). all: future ones too (forward transfer)."
        ),
    ] = "seen"
    every: Annotated[
        int,
        Field(
            ge=1,
            description="1: the tasks are tested after every step. k: after every k-th and the "
            "last; after the others only the task just learned, so that AP and BWT are the same "
            "and AF knows fewer steps.",
        ),
    ] = 1
