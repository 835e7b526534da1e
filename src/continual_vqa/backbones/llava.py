"""The `llava` family: a CLIP tower, a projector, a Llama that reads visual tokens in its prompt.

Source: Liu et al., CVPR 2024 (LLaVA 1.5), by transformers. Trained are the low-rank factors and the
projector (CL-MoE's choice), unless a recipe says tune: full.
Shapes: B samples, N beams, T prompt tokens, L answer tokens, S all tokens, P visual tokens, D
width of the language model, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from continual_vqa.backbones import chat, llava_adapter, llava_folder, llava_net, lora
from continual_vqa.backbones.base import Backbone, Batch, Part
from continual_vqa.backbones.beam import beam_search
from continual_vqa.backbones.sampling import sample_tokens
from continual_vqa.backbones.tokens import Words, padded
from continual_vqa.config.backbone import BackboneConfig, VisionConfig
from continual_vqa.errors import UserError

if TYPE_CHECKING:
    from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

# The mean and deviation of CLIP's training images (Radford et al., ICML 2021), red, green, blue.
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
PROJECTOR = "net.model.multi_modal_projector."
TOWER = "net.model.vision_tower."
# Where low-rank factors may be, by names in the network.
LAYERS, TOWER_LAYERS = "model.language_model.layers.", "model.vision_tower."


@dataclass(frozen=True, slots=True)
class Looks:
    """What a LLaVA is given: the prompt's template, and how pixels are scaled."""

    template: str
    mean: tuple[float, float, float] = CLIP_MEAN
    std: tuple[float, float, float] = CLIP_STD


class Llava(Backbone):
    """LLaVA; parts: `vision` (tower and projector), `language` (the language model)."""

    family = "llava"

    mean: Tensor
    std: Tensor

    def __init__(
        self, net: LlavaForConditionalGeneration, words: Words, looks: Looks, dtype: str
    ) -> None:
        super().__init__()
        self.net, self.words, self.looks, self.dtype = net, words, looks, dtype
        self.factors: lora.Factors | None = None
        self.checkpointing = False
        self.image = words.special(chat.IMAGE)
        config: Any = net.config
        if config.image_token_index != self.image:
            raise UserError(
                f"the tokenizer's {chat.IMAGE} is {self.image}, the model's "
                f"{config.image_token_index}",
                where="tokenizer.json",
                do="use the tokenizer.json that belongs to the model",
            )
        if words.size > config.text_config.vocab_size:
            raise UserError(
                f"{words.size} tokens for {config.text_config.vocab_size} embeddings",
                where="tokenizer.json",
                do="use the tokenizer.json that belongs to the model",
            )
        tower = config.vision_config
        self.vision = VisionConfig(image_size=tower.image_size, patch_size=tower.patch_size)
        whole = config.vision_feature_select_strategy == "full"
        self.tokens = (tower.image_size // tower.patch_size) ** 2 + whole
        self.register_buffer("mean", torch.tensor(looks.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(looks.std).view(3, 1, 1), persistent=False)

    def describe(self) -> dict[str, object]:
        """transformers' configuration, the factors, and what the model is given."""
        return {
            "transformers": self.describe_net(),
            "lora": self.factors.as_dict() if self.factors else None,
            "template": self.looks.template,
            "mean": list(self.looks.mean),
            "std": list(self.looks.std),
            "dtype": self.dtype,
            "checkpointing": self.checkpointing,
        }

    def describe_net(self) -> dict[str, Any]:
        """transformers' `config.json` of the model."""
        return llava_net.described(self.net.config)

    def part_of(self, name: str) -> Part:
        """Tower and projector are vision, all else language."""
        return "vision" if name.startswith((PROJECTOR, TOWER)) else "language"

    def low_rank(self) -> list[str]:
        """The factors and the projector; empty for a model without factors."""
        if self.factors is None:
            return []
        names = [name for name, _ in self.named_parameters()]
        return [name for name in names if lora.is_factor(name) or name.startswith(PROJECTOR)]

    def put_factors(self, factors: lora.Factors | None) -> None:
        """Give the model these factors, not yet filled; it must have none."""
        if factors is not None:
            lora.add(self.net, factors)
        self._have(factors)

    def _have(self, factors: lora.Factors | None) -> None:
        self.factors = factors
        self.default_tune = "full" if factors is None else "lora"

    def store_as(self, dtype: str) -> None:
        """Store the frozen weights in `dtype`; what low-rank tuning trains stays fp32."""
        self.dtype = dtype
        trained = set(self.low_rank())
        for name, parameter in self.named_parameters():
            kind = torch.float32 if name in trained else llava_net.DTYPES[dtype]
            parameter.data = parameter.data.to(kind)

    def checkpoint_layers(self, wanted: bool) -> None:
        """Whether layers are computed again in the backward pass."""
        self.checkpointing = wanted
        if wanted:
            # Its name since transformers 5.18 or so, and the one before.
            new = getattr(self.net, "activation_checkpointing_enable", None)
            (new or self.net.gradient_checkpointing_enable)({"use_reentrant": False})

    def adapt(self, config: BackboneConfig, seed: int) -> None:
        """Add fresh factors or those of `config.adapter`; a base's own factors are kept.

        Raises
        ------
        UserError : the base has other factors than the config asks for
        """
        if config.adapter:
            llava_adapter.load(Path(config.adapter), self, config.lora.dropout)
        else:
            own = lora.adapted(
                self.net, self.factors, config, seed, language=LAYERS, tower=TOWER_LAYERS
            )
            self._have(own)
        self.store_as(config.llava.dtype)
        self.checkpoint_layers(config.llava.checkpointing)

    def prompt_tokens(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Token ids of the chat template around each text; the image is one token still."""
        return chat.prompts(self.words, self.looks.template, texts)

    def question_tokens(self, questions: Sequence[str]) -> list[np.ndarray]:
        """The same: the template is all that makes a text a question."""
        return self.prompt_tokens(questions)

    def rows(self, questions: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Prompts with all visual tokens (B, T), filled up on the left, so that all answers begin
        in one column; and their mask (B, T)."""
        full = [chat.expanded(row, self.image, self.tokens) for row in questions]
        ones = [np.ones(len(row), np.int64) for row in full]
        return padded(full, self.words.pad, left=True), padded(ones, 0, left=True) > 0

    def logits(self, batch: Batch) -> Tensor:
        """Logits (B, L, V): the prompt's last token sees the first answer token, and so on."""
        assert batch.answers is not None
        prompt = self._embedded(batch)
        given = self._lookup(batch.answers[:, :-1])
        mask = torch.cat([batch.mask, batch.mask.new_ones(given.shape[:2])], 1)
        states = self._run(torch.cat([prompt, given], 1), mask)
        return self.net.lm_head(states[:, prompt.shape[1] - 1 :])

    @torch.inference_mode()
    def generate(self, batch: Batch, *, beams: int, length: int) -> tuple[Tensor, Tensor]:
        """Beam search; ids (B, length) and summed log-probabilities (B,)."""
        answering = Answering(self, batch, beams)
        return beam_search(
            answering.step,
            answering.reorder,
            len(batch.questions),
            beams=beams,
            length=length,
            start=self.words.pad,
            end=self.words.end,
            device=batch.questions.device,
        )

    @torch.no_grad()
    def sample(self, batch: Batch, uniforms: Tensor) -> Tensor:
        """See `Backbone.sample`; the prompt is read once, then a token at a time."""
        answering = Answering(self, batch, 1)
        return sample_tokens(
            lambda prefix: answering.step(prefix[:, -2:-1])[:, 0],
            uniforms,
            pad=self.words.pad,
            end=self.words.end,
        )

    def see(self, images: Tensor) -> Tensor:
        """Visual tokens (B, P, D) of `images`, uint8 (B, height, width, 3)."""
        config: Any = self.net.config
        scaled = (images.permute(0, 3, 1, 2) / 255.0 - self.mean) / self.std
        inside = self.net.model
        states = inside.vision_tower(scaled, output_hidden_states=True).hidden_states
        layers = config.vision_feature_layer
        layers = [layers] if isinstance(layers, int) else layers
        first = 0 if config.vision_feature_select_strategy == "full" else 1
        seen = torch.cat([states[layer][:, first:] for layer in layers], -1)
        return inside.multi_modal_projector(
            seen.to(inside.multi_modal_projector.linear_1.weight.dtype)
        )

    def _lookup(self, tokens: Tensor) -> Tensor:
        return self.net.model.language_model.embed_tokens(tokens)

    def _embedded(self, batch: Batch) -> Tensor:
        """Prompt (B, T, D): the visual tokens in place of the image's, the words' embeddings."""
        words = self._lookup(batch.questions)
        seen = self.see(batch.visual).to(words.dtype)
        is_image = batch.questions == self.image
        place = (is_image.cumsum(1) - 1).clamp(min=0)
        spread = seen.gather(1, place[..., None].expand_as(words))
        return torch.where(is_image[..., None], spread, words)

    def _run(self, embedded: Tensor, mask: Tensor, cache: Any = None) -> Tensor:
        """States (B, Q, D) of the last Q = len(embedded) of the S tokens that `mask` (B, S) is of.

        The mask is given as a table of who sees whom, so that no padding depends on the data.
        """
        total, new = mask.shape[1], embedded.shape[1]
        position = torch.arange(total, device=mask.device)
        earlier = position[None, :] <= position[total - new :, None]
        itself = position[None, :] == position[total - new :, None]
        # A padding token sees itself: a row that sees nothing would be NaN.
        table = (earlier & mask[:, None, :]) | itself
        places = (mask.cumsum(1) - 1).clamp(min=0)[:, total - new :]
        return self.net.model.language_model(
            inputs_embeds=embedded,
            attention_mask=table[:, None],
            position_ids=places,
            past_key_values=cache,
            use_cache=cache is not None,
        ).last_hidden_state


class Answering:
    """Incremental answering of a batch on N beams, with the keys and values of all before."""

    def __init__(self, model: Llava, batch: Batch, beams: int) -> None:
        from transformers.cache_utils import DynamicCache

        self._model, self._beams = model, beams
        self._cache: Any = DynamicCache()
        states = model._run(model._embedded(batch), batch.mask, self._cache)
        first = model.net.lm_head(states[:, -1])
        self._first: Tensor | None = first[:, None].expand(-1, beams, -1)
        self._mask = batch.mask.repeat_interleave(beams, 0)
        if beams > 1:
            self._cache.batch_repeat_interleave(beams)

    def step(self, tokens: Tensor) -> Tensor:
        """Logits (B, N, V) after `tokens` (B, N); at first those after the prompt."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        model, flat = self._model, tokens.reshape(-1, 1)
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(flat), 1)], 1)
        states = model._run(model._lookup(flat), self._mask, self._cache)
        return model.net.lm_head(states[:, -1]).view(*tokens.shape, -1)

    def reorder(self, rows: Tensor) -> None:
        """Continue the rows (B * N) numbered `rows`; one beam never changes its row."""
        if self._beams > 1:
            self._cache.reorder_cache(rows)


def build(config: BackboneConfig, words: Words, seed: int) -> Llava:
    """A freshly initialised model of the config's sizes, without factors."""
    words = words.with_special(chat.IMAGE)
    sizes = llava_net.sizes(config, words.size, words.special(chat.IMAGE))
    net = llava_net.empty_net(llava_net.net_config(sizes, "backbone.llava"), "fp32")
    llava_net.initialise(net, seed)
    return Llava(net, words, Looks(config.llava.template), "fp32")


def from_folder(folder: Path, config: BackboneConfig, words: Words, seed: int) -> Llava:
    """A LLaVA of a local Hugging Face folder, without factors."""
    net = llava_net.empty_net(llava_folder.read_config(folder), config.llava.dtype)
    llava_folder.load_weights(folder, net)
    looks = Looks(config.llava.template, *llava_folder.read_scaling(folder, CLIP_MEAN, CLIP_STD))
    return Llava(net, words, looks, config.llava.dtype)


def rebuild(description: dict, words: Words) -> Llava:
    """The untrained model that `describe` described."""
    dtype = description["dtype"]
    config = llava_net.net_config(description["transformers"], "config.json")
    looks = Looks(description["template"], tuple(description["mean"]), tuple(description["std"]))
    model = Llava(llava_net.empty_net(config, dtype), words, looks, dtype)
    if description["lora"]:
        model.put_factors(lora.Factors.read(description["lora"]))
    model.store_as(dtype)
    model.checkpoint_layers(description["checkpointing"])
    return model
