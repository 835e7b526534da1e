"""The network of the family: transformers' `PaliGemmaForConditionalGeneration`, without weights.

transformers is imported where it is used: it costs two seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from continual_vqa.backbones import decoder_net
from continual_vqa.backbones.tokens import Words
from continual_vqa.config.backbone import BackboneConfig

if TYPE_CHECKING:
    from transformers.models.paligemma.configuration_paligemma import PaliGemmaConfig as NetConfig
    from transformers.models.paligemma.modeling_paligemma import PaliGemmaForConditionalGeneration

# PaliGemma 2 reads with Gemma 2, whose layers differ; it is refused.
INNER = {"vision_config": "siglip_vision_model", "text_config": "gemma"}


def net_config(content: Mapping[str, Any], where: object) -> NetConfig:
    """The configuration in a parsed `config.json`; see `decoder_net.net_config`."""
    from transformers.models.paligemma.configuration_paligemma import PaliGemmaConfig as NetConfig

    return decoder_net.net_config(NetConfig, content, where, INNER)


def sizes(config: BackboneConfig, words: Words, image_token: int) -> dict[str, Any]:
    """The `config.json` of a PaliGemma of the config's sizes."""
    gemma, vision = config.paligemma, config.vision
    ids = {"pad_token_id": words.pad, "bos_token_id": words.begin, "eos_token_id": words.end}
    return {
        "model_type": "paligemma",
        "image_token_index": image_token,
        "projection_dim": gemma.hidden_size,
        "hidden_size": gemma.hidden_size,
        "vocab_size": words.size,
        "tie_word_embeddings": True,
        **ids,
        "vision_config": {
            "model_type": INNER["vision_config"],
            "hidden_size": gemma.vision_hidden_size,
            "intermediate_size": gemma.vision_intermediate_size,
            "num_hidden_layers": gemma.vision_layers,
            "num_attention_heads": gemma.vision_heads,
            "image_size": vision.image_size,
            "patch_size": vision.patch_size,
            "projection_dim": gemma.hidden_size,
            "vision_use_head": False,
        },
        "text_config": {
            "model_type": INNER["text_config"],
            "vocab_size": words.size,
            "hidden_size": gemma.hidden_size,
            "intermediate_size": gemma.intermediate_size,
            "num_hidden_layers": gemma.layers,
            "num_attention_heads": gemma.heads,
            "num_key_value_heads": gemma.kv_heads,
            "head_dim": gemma.hidden_size // gemma.heads,
            "max_position_embeddings": 8192,
            "tie_word_embeddings": True,
            **ids,
        },
    }


def empty_net(config: NetConfig, dtype: str) -> PaliGemmaForConditionalGeneration:
    """The network with memory for its weights, not yet filled."""
    from transformers.models.paligemma.modeling_paligemma import PaliGemmaForConditionalGeneration

    return decoder_net.empty_net(PaliGemmaForConditionalGeneration, config, dtype)


def initialise(net: PaliGemmaForConditionalGeneration, seed: int) -> None:
    """See `decoder_net.initialise`. Gemma's norms multiply by 1 + weight.

    The token table is also the head, and its rows are multiplied by the root of their width where
    they are looked up: rows of length 1 make both states and logits N(0, 1).
    """
    width = net.config.text_config.hidden_size  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]
    decoder_net.initialise(net, seed, table=width**-0.5, norm=0.0)
