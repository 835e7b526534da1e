"""A recipe: one value for each of the choices in which continual-learning methods differ."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from continual_vqa.config.block import Block


class Recipe(Block):
    """A method as a row: what is tuned, from where, guarded how, replaying what, deployed how.

    Slots whose other values arrive with later methods accept only what is built today, so that a
    config can never ask for something that silently does nothing.
    """

    title: str = Field("", description="Name in tables and figures; empty: the recipe's key.")
    paper: str = Field("", description="Where the method was published.")
    schedule: Annotated[
        Literal["continual", "joint"],
        Field(description="continual: one stage per task. joint: one stage on all tasks at once."),
    ] = "continual"
    sees: Annotated[
        Literal["image_and_question", "question"],
        Field(description="What the model is shown. question: the image is replaced by a blank."),
    ] = "image_and_question"
    tune: Annotated[
        Literal["full"],
        Field(description="Which tensors are trained. full: every tensor of the model."),
    ] = "full"
    start: Annotated[
        Literal["previous", "base"],
        Field(description="Weights a stage starts from: the last trained ones, or the base model."),
    ] = "previous"
    guards: Annotated[
        tuple[()], Field(description="Penalties, masks and the like while training.")
    ] = ()
    replay: Annotated[
        Literal["none"],
        Field(description="What is replayed from earlier tasks while training."),
    ] = "none"
    deploy: Annotated[
        Literal["trained"],
        Field(description="What is evaluated. trained: the stage's own weights."),
    ] = "trained"
