"""The network of the family: transformers' `LlavaForConditionalGeneration`, made without weights.

transformers is imported where it is used: it costs two seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from continual_vqa.backbones import decoder_net
from continual_vqa.config.backbone import BackboneConfig

if TYPE_CHECKING:
    from transformers.models.llava.configuration_llava import LlavaConfig as NetConfig
    from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

TOWER = "clip_vision_model"


def net_config(content: Mapping[str, Any], where: object) -> NetConfig:
    """The configuration in a parsed `config.json`; see `decoder_net.net_config`."""
    from transformers.models.llava.configuration_llava import LlavaConfig as NetConfig

    return decoder_net.net_config(NetConfig, content, where, {"vision_config": TOWER})


def sizes(config: BackboneConfig, vocabulary: int, image_token: int) -> dict[str, Any]:
    """The `config.json` of a LLaVA of the config's sizes."""
    llava, vision = config.llava, config.vision
    return {
        "model_type": "llava",
        "image_token_index": image_token,
        "image_seq_length": (vision.image_size // vision.patch_size) ** 2,
        "vision_feature_layer": llava.feature_layer,
        "vision_feature_select_strategy": "default",
        "tie_word_embeddings": False,
        "vision_config": {
            "model_type": TOWER,
            "hidden_size": llava.vision_hidden_size,
            "intermediate_size": llava.vision_intermediate_size,
            "num_hidden_layers": llava.vision_layers,
            "num_attention_heads": llava.vision_heads,
            "image_size": vision.image_size,
            "patch_size": vision.patch_size,
            "projection_dim": llava.vision_hidden_size,
        },
        "text_config": {
            "model_type": "llama",
            "vocab_size": vocabulary,
            "hidden_size": llava.hidden_size,
            "intermediate_size": llava.intermediate_size,
            "num_hidden_layers": llava.layers,
            "num_attention_heads": llava.heads,
            "num_key_value_heads": llava.kv_heads,
            "max_position_embeddings": 4096,
            "rms_norm_eps": 1e-5,
            "tie_word_embeddings": False,
        },
    }


def empty_net(config: NetConfig, dtype: str) -> LlavaForConditionalGeneration:
    """The network with memory for its weights, not yet filled."""
    from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

    return decoder_net.empty_net(LlavaForConditionalGeneration, config, dtype)
