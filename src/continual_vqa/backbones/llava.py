"""The `llava` family: a CLIP tower, a projector, a Llama that reads visual tokens in its prompt.

Source: Liu et al., CVPR 2024 (LLaVA 1.5), by transformers. Trained are the low-rank factors and
the projector (CL-MoE's choice), unless a recipe says tune: full.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from continual_vqa.backbones import chat, decoder_folder, decoder_net, llava_net
from continual_vqa.backbones.decoder import Decoder, Looks
from continual_vqa.backbones.tokens import Words
from continual_vqa.config.backbone import BackboneConfig, LlavaConfig

# The mean and deviation of CLIP's training images (Radford et al., ICML 2021), red, green, blue.
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


class Llava(Decoder):
    """LLaVA; see `Decoder` for its parts."""

    family = "llava"
    architecture = "LlavaForConditionalGeneration"

    @staticmethod
    def settings(config: BackboneConfig) -> LlavaConfig:
        """Its sizes."""
        return config.llava

    @property
    def tokens(self) -> int:
        """P: the patches, and the tower's token of the whole image if it is shown."""
        return super().tokens + self._whole

    @property
    def _whole(self) -> bool:
        return self.net.config.vision_feature_select_strategy == "full"

    def features(self, pixels: Tensor) -> Tensor:
        """The tower's states after the chosen layers, beside each other."""
        states = self.net.model.vision_tower(pixels, output_hidden_states=True).hidden_states
        layers = self.net.config.vision_feature_layer
        layers = [layers] if isinstance(layers, int) else layers
        first = 0 if self._whole else 1
        return torch.cat([states[layer][:, first:] for layer in layers], -1)

    def processor(self) -> dict[str, object]:
        """CLIP's."""
        side = self.vision.image_size
        return {
            "image_processor_type": "CLIPImageProcessor",
            "image_mean": list(self.looks.mean),
            "image_std": list(self.looks.std),
            "size": {"shortest_edge": side},
            "crop_size": {"height": side, "width": side},
        }


def build(config: BackboneConfig, words: Words, seed: int) -> Llava:
    """A freshly initialised model of the config's sizes, without factors."""
    words = words.with_special(chat.IMAGE)
    sizes = llava_net.sizes(config, words.size, words.special(chat.IMAGE))
    net = llava_net.empty_net(llava_net.net_config(sizes, "backbone.llava"), "fp32")
    decoder_net.initialise(net, seed)
    return Llava(net, words, Looks(config.llava.template, CLIP_MEAN, CLIP_STD), "fp32")


def from_folder(folder: Path, config: BackboneConfig, words: Words, seed: int) -> Llava:
    """A LLaVA of a local Hugging Face folder, without factors."""
    own, content = config.llava, decoder_folder.read_config(folder, "llava")
    sizes = llava_net.net_config(content, folder / "config.json")
    net = decoder_folder.claimed(folder, content, lambda: llava_net.empty_net(sizes, own.dtype))
    decoder_folder.load_weights(folder, net)
    scaling = decoder_folder.read_scaling(folder, CLIP_MEAN, CLIP_STD)
    return Llava(net, words, Looks(own.template, *scaling), own.dtype)


def rebuild(description: dict, words: Words) -> Llava:
    """The untrained model that `describe` described."""
    config = llava_net.net_config(description["transformers"], "config.json")
    looks = Looks(description["template"], tuple(description["mean"]), tuple(description["std"]))
    dtype = description["dtype"]
    model = Llava(llava_net.empty_net(config, dtype), words, looks, dtype)
    model.restore(description)
    return model
