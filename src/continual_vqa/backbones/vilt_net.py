"""The network of the family: transformers' `ViltForQuestionAnswering`, made without weights.

transformers is imported where it is used: it costs two seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from continual_vqa.backbones import decoder_net
from continual_vqa.backbones.tokens import Words
from continual_vqa.config.backbone import BackboneConfig
from continual_vqa.errors import UserError

if TYPE_CHECKING:
    from transformers.models.vilt.configuration_vilt import ViltConfig as NetConfig
    from transformers.models.vilt.modeling_vilt import ViltForQuestionAnswering

HEAD = "classifier."
# Fewer cannot hold the marks around a question and one word of it.
FEWEST_POSITIONS = 3


def net_config(content: Mapping[str, Any], where: object, answers: int) -> NetConfig:
    """The configuration in a parsed `config.json`, for a list of `answers` answers.

    Raises
    ------
    UserError : see `decoder_net.net_config`; or no square image of whole patches
    """
    from transformers.models.vilt.configuration_vilt import ViltConfig as NetConfig

    # Patches are never sampled: all of a square image are seen.
    content = {**content, "max_image_length": -1}
    config = decoder_net.net_config(NetConfig, content, where, {})
    config.num_labels = answers
    side, patch = config.image_size, config.patch_size
    if not isinstance(side, int) or not isinstance(patch, int) or patch < 1 or side % patch:
        raise UserError(
            f"image_size is {side}, patch_size {patch}",
            where=str(where),
            expected="a square image of whole square patches",
        )
    if config.max_position_embeddings < FEWEST_POSITIONS:
        raise UserError(
            f"max_position_embeddings is {config.max_position_embeddings}",
            where=str(where),
            expected=f"{FEWEST_POSITIONS} or more",
        )
    return config


def sizes(config: BackboneConfig, words: Words) -> dict[str, Any]:
    """The `config.json` of a ViLT of the config's sizes."""
    own, vision = config.vilt, config.vision
    return {
        "model_type": "vilt",
        "vocab_size": words.size,
        "pad_token_id": words.pad,
        "hidden_size": own.hidden_size,
        "num_hidden_layers": own.layers,
        "num_attention_heads": own.heads,
        "intermediate_size": own.intermediate_size,
        "max_position_embeddings": own.question_tokens,
        "hidden_dropout_prob": own.dropout,
        "attention_probs_dropout_prob": own.dropout,
        "image_size": vision.image_size,
        "patch_size": vision.patch_size,
    }


def empty_net(config: NetConfig) -> ViltForQuestionAnswering:
    """The network with memory for its weights, not yet filled."""
    from transformers.models.vilt.modeling_vilt import ViltForQuestionAnswering

    return decoder_net.empty_net(ViltForQuestionAnswering, config, "fp32", "eager")


@torch.no_grad()
def initialise(net: ViltForQuestionAnswering, seed: int, *, head_only: bool = False) -> None:
    """Normal weights scaled by fan-in, tables N(0, 1) or N(0, 0.7^2), biases 0, norms 1.

    The head begins with the same small score for every answer, 1 / their number: with scores of
    one half, the first steps would be spent on a list of which nearly all is wrong (Lin et al.,
    ICCV 2017). Positions are as large as the projected pixels, as in visual.py; both are choices
    of this project.

    Parameters
    ----------
    head_only : everything else keeps its values
    """
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in sorted(net.named_parameters()):
        if head_only and not name.startswith(HEAD):
            continue
        if name.endswith("bias"):
            tensor.zero_()
        elif tensor.dim() == 1:
            tensor.fill_(1.0)
        else:
            drawn = torch.empty(tensor.shape).normal_(
                0.0, _scale(name, tensor), generator=generator
            )
            tensor.copy_(drawn)
    last: Any = net.classifier[-1]
    last.bias.fill_(-math.log(max(1, len(last.bias) - 1)))


def _scale(name: str, tensor: torch.Tensor) -> float:
    if "word_embeddings" in name:
        return 1.0
    if name.endswith("cls_token") or "position_embeddings" in name or "type_embeddings" in name:
        return 0.7
    return tensor[0].numel() ** -0.5
