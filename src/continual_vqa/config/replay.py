"""Replay: the memory of a study, and what a recipe does with it beside training on its examples."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from continual_vqa.config.block import Block

Weight = Annotated[float, Field(ge=0)]


class ReplayConfig(Block):
    """Memory of the recipes whose slot `replay` is not none.

    Source: VQACL (Zhang et al., CVPR 2023), which keeps 5000 questions of VQA v2's 440,000. The
    default is about the same share of the miniature's questions.
    """

    size: Annotated[
        int,
        Field(
            ge=1,
            description="Questions kept in all. Before a task every earlier task keeps an equal "
            "number, evenly from its groups.",
        ),
    ] = 100
    choice: Annotated[
        Literal["random", "herding"],
        Field(
            description="Which questions of a group are kept. random: the seed decides. herding: "
            "those whose mean follows the group's mean, each described by the base's logits of its "
            "first answer token (iCaRL); the same for all seeds.",
        ),
    ] = "random"
    logits: Annotated[
        int,
        Field(
            ge=0,
            description="Logits that are stored of every answer token of a kept question, where a "
            "recipe replays logits: the largest ones. 0: those of the whole vocabulary.",
        ),
    ] = 0


class LogitsReplay(Block):
    """Examples with the logits that the model gave them when their task ended (DER, DER++).

    Source: Buzzega et al., NeurIPS 2020. A batch of the memory costs beta · its loss + alpha · the
    mean squared distance to the stored logits; both terms see the same batch. When the logits are
    stored, and that they are those of the most frequent answer, are choices of this project.
    """

    kind: Annotated[Literal["logits"], Field(description="This kind of replay.")] = "logits"
    alpha: Annotated[Weight, Field(description="Weight of the distance to the logits.")] = 0.5
    beta: Annotated[Weight, Field(description="Weight of the examples' own loss; 0: DER.")] = 0.0


class FeaturesReplay(Block):
    """Examples whose answers come from the same states as in the model before the stage (VS).

    Source: Wan et al., CVPR 2022, as compared with by VQACL. Which states, and that they are kept
    on the memory alone, are choices of this project.
    """

    kind: Annotated[Literal["features"], Field(description="This kind of replay.")] = "features"
    strength: Annotated[
        Weight, Field(description="Weight of the squared distance of the states, each of length 1.")
    ] = 1.0


class QuestionsReplay(Block):
    """Questions alone: past ones are put to images of the current task (QUAD).

    Source: arXiv 2502.04469. The model before the stage answers them, which is what they are
    trained on; its attention is kept by a distance of the attention weights. An image shows the
    question's object where one of the group does; how labels and partners are drawn, and which
    distance it is, are choices of this project.
    """

    kind: Annotated[Literal["questions"], Field(description="This kind of replay.")] = "questions"
    attention: Annotated[Weight, Field(description="Weight of the distance of attention.")] = 0.5


ReplayBlock = Annotated[
    LogitsReplay | FeaturesReplay | QuestionsReplay, Field(discriminator="kind")
]
