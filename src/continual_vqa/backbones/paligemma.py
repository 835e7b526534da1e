"""The `paligemma` family: a SigLIP tower, a linear projector, a Gemma that reads visual tokens.

Source: Beyer et al., 2024 (PaliGemma), by transformers. The prompt is the image, the begin mark,
the question's text and a line break; its tokens all see each other, an answer's only those before.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from continual_vqa.backbones import chat, decoder_folder, paligemma_net
from continual_vqa.backbones.decoder import Decoder, Looks
from continual_vqa.backbones.tokens import BEGINS, Words
from continual_vqa.config.backbone import BackboneConfig, PaliGemmaConfig

# SigLIP's pixels are between -1 and 1.
SIGLIP_MEAN, SIGLIP_STD = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)


class PaliGemma(Decoder):
    """PaliGemma 1; see `Decoder` for its parts."""

    family = "paligemma"
    architecture = "PaliGemmaForConditionalGeneration"
    mutual = True
    first = 1

    @staticmethod
    def settings(config: BackboneConfig) -> PaliGemmaConfig:
        """Its sizes."""
        return config.paligemma

    def features(self, pixels: Tensor) -> Tensor:
        """The tower's last states, normalised: (B, P, width of the tower)."""
        return self.net.model.vision_tower(pixels).last_hidden_state

    def processor(self) -> dict[str, object]:
        """SigLIP's."""
        side = self.vision.image_size
        return {
            "image_processor_type": "SiglipImageProcessor",
            "image_seq_length": self.tokens,
            "image_mean": list(self.looks.mean),
            "image_std": list(self.looks.std),
            "size": {"height": side, "width": side},
        }


def build(config: BackboneConfig, words: Words, seed: int) -> PaliGemma:
    """A freshly initialised model of the config's sizes, without factors."""
    words = words.with_special(chat.IMAGE).with_special(BEGINS[0])
    sizes = paligemma_net.sizes(config, words, words.special(chat.IMAGE))
    net = paligemma_net.empty_net(paligemma_net.net_config(sizes, "backbone.paligemma"), "fp32")
    paligemma_net.initialise(net, seed)
    return PaliGemma(net, words, Looks(config.paligemma.template, SIGLIP_MEAN, SIGLIP_STD), "fp32")


def from_folder(folder: Path, config: BackboneConfig, words: Words, seed: int) -> PaliGemma:
    """A PaliGemma of a local Hugging Face folder, without factors."""
    own, content = config.paligemma, decoder_folder.read_config(folder, "paligemma")
    sizes = paligemma_net.net_config(content, folder / "config.json")
    net = decoder_folder.claimed(folder, content, lambda: paligemma_net.empty_net(sizes, own.dtype))
    decoder_folder.load_weights(folder, net)
    scaling = decoder_folder.read_scaling(folder, SIGLIP_MEAN, SIGLIP_STD)
    return PaliGemma(net, words, Looks(own.template, *scaling), own.dtype)


def rebuild(description: dict, words: Words) -> PaliGemma:
    """The untrained model that `describe` described."""
    config = paligemma_net.net_config(description["transformers"], "config.json")
    looks = Looks(description["template"], tuple(description["mean"]), tuple(description["std"]))
    dtype = description["dtype"]
    model = PaliGemma(paligemma_net.empty_net(config, dtype), words, looks, dtype)
    model.restore(description)
    return model
