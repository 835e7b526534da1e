"""The network of the family: transformers' `LlavaForConditionalGeneration`, made without weights.

transformers is imported where it is used: it costs two seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from continual_vqa.config.backbone import BackboneConfig
from continual_vqa.errors import UserError

if TYPE_CHECKING:
    from transformers.models.llava.configuration_llava import LlavaConfig as NetConfig
    from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
TOWER = "clip_vision_model"
# What a config file says of where it comes from; nothing of the model itself.
_ORIGIN = ("transformers_version", "_name_or_path", "architectures", "dtype", "torch_dtype")


def net_config(content: Mapping[str, Any], where: object) -> NetConfig:
    """The configuration in a parsed `config.json`.

    Raises
    ------
    UserError : no LLaVA, a vision tower that is not CLIP's, or values that are refused
    """
    from transformers.models.llava.configuration_llava import LlavaConfig as NetConfig

    try:
        config = NetConfig.from_dict({**content})
    except Exception as error:  # its validators raise exceptions of many kinds
        raise UserError(f"no usable LLaVA configuration: {error}", where=str(where)) from error
    tower = config.vision_config.model_type  # pyright: ignore[reportOptionalMemberAccess,reportAttributeAccessIssue]
    if tower != TOWER:
        raise UserError(f"the vision tower is {tower!r}", where=str(where), expected=TOWER)
    return config


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


def described(config: NetConfig) -> dict[str, Any]:
    """The configuration as JSON, without what depends on the version that wrote it."""
    return _without_origin(config.to_diff_dict())


def _without_origin(content: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _without_origin(value) if isinstance(value, Mapping) else value
        for key, value in content.items()
        if key not in _ORIGIN
    }


def empty_net(config: NetConfig, dtype: str) -> LlavaForConditionalGeneration:
    """The network with memory for its weights, not yet filled."""
    from transformers.initialization import no_init_weights
    from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

    # Never what a downloaded config asks for: other implementations may fetch kernels.
    config._attn_implementation = "sdpa"
    with no_init_weights(), _default_dtype(DTYPES[dtype]):
        net = LlavaForConditionalGeneration(config).eval()
    net.tie_weights()
    return net


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def initialise(net: LlavaForConditionalGeneration, seed: int) -> None:
    """Normal weights scaled by fan-in, token table N(0, 1), positions N(0, 0.7^2), norms 1.

    Positions as large as the projected pixels, for the reason given in visual.py (choice of this
    project; CLIP's own scale is for towers that see millions of images).
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in sorted(net.named_parameters()):
            if name.endswith("bias"):
                tensor.zero_()
            elif name.endswith(("norm.weight", "norm1.weight", "norm2.weight")):
                tensor.fill_(1.0)
            else:
                drawn = torch.empty(tensor.shape).normal_(
                    0.0, _scale(name, tensor), generator=generator
                )
                tensor.copy_(drawn)


def _scale(name: str, tensor: torch.Tensor) -> float:
    if "embed_tokens" in name:
        return 1.0
    if "position_embedding" in name or "class_embedding" in name:
        return 0.7
    return tensor[0].numel() ** -0.5
