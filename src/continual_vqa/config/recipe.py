"""A recipe: one value for each of the choices in which continual-learning methods differ."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from continual_vqa.config.block import Block
from continual_vqa.config.guards import GuardConfig
from continual_vqa.config.importance import ImportanceConfig
from continual_vqa.config.merge import MergeConfig
from continual_vqa.config.replay import FeaturesReplay, LogitsReplay, QuestionsReplay, ReplayBlock
from continual_vqa.config.tuning import BankTuning, Tuning

# Values of `deploy` by which every task is answered by weights of its own.
PER_TASK = ("own", "inferred")


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
        Tuning,
        Field(
            description="Which tensors are trained. default: the family's own choice (t5_vision, "
            "vilt: full; llava, paligemma: lora). full: every tensor of the model, low-rank "
            "factors excepted. lora: low-rank factors and the visual embedding, projector, or head "
            "over the answers. head: nothing but the head over the answers (vilt). A block: "
            "adapters on the residual branches."
        ),
    ] = "default"
    start: Annotated[
        Literal["previous", "base", "merged", "stacked"],
        Field(
            description="Weights a stage starts from. previous: the last trained ones. base: the "
            "base model. merged: the last merge (deploy). stacked: what all earlier stages trained "
            "stays, and fresh low-rank factors (O-LoRA) or adapters (ATLAS) are added."
        ),
    ] = "previous"
    guards: Annotated[
        tuple[GuardConfig, ...],
        Field(description="What protects earlier tasks while training; several act together."),
    ] = ()
    replay: Annotated[
        Literal["none", "examples"] | ReplayBlock,
        Field(
            description="What is replayed from earlier tasks while training: after each batch one "
            "of the memory. examples: questions with their images and answers (ER). A block: what "
            "more is done with them. How many: the block replay of the study."
        ),
    ] = "none"
    deploy: Annotated[
        Literal["trained", "own", "inferred"] | MergeConfig,
        Field(
            description="What is evaluated. trained: the stage's own weights. own: each task by "
            "the stage that learned it, so that the task is given at test. inferred: each question "
            "by the stage of the task that its words tell, among those learned so far. A merge: "
            "weights made of earlier ones."
        ),
    ] = "trained"

    def importances(self) -> tuple[ImportanceConfig, ...]:
        """The measurements that the guards ask for, each once, in their order."""
        asked = (g.importance for g in self.guards if g.kind == "penalty" or g.kind == "mask")
        return tuple(dict.fromkeys(asked))

    @property
    def replays_logits(self) -> LogitsReplay | None:
        """What is done with stored logits, if they are replayed."""
        return self.replay if isinstance(self.replay, LogitsReplay) else None

    @property
    def replays_questions(self) -> QuestionsReplay | None:
        """How past questions are put to current images, if they are."""
        return self.replay if isinstance(self.replay, QuestionsReplay) else None

    @property
    def compares(self) -> bool:
        """Whether training asks the model before the stage, on its own or on replayed inputs."""
        distils = any(guard.kind == "distil" for guard in self.guards)
        return distils or isinstance(self.replay, FeaturesReplay | QuestionsReplay)

    @property
    def bank(self) -> BankTuning | None:
        """How a bank of adapters is trained, if one is."""
        return self.tune if isinstance(self.tune, BankTuning) else None

    @property
    def answers_alone(self) -> bool:
        """Whether one checkpoint answers all tasks: not several, nor one that others lie below."""
        return self.deploy not in PER_TASK and self.start != "stacked"

    @property
    def merge(self) -> MergeConfig | None:
        """How weights are merged after each stage, if they are."""
        return None if isinstance(self.deploy, str) else self.deploy
