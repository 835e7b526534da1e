"""What language models that read visual tokens in their prompt share; a base of model families.

The tensors are those of transformers' own network, under its names. Trained are low-rank factors
and the projector, unless a recipe says tune: full.
Shapes: B samples, T prompt tokens, L answer tokens, Q new and S all tokens, P visual tokens, D
width of the language model, V vocabulary.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from continual_vqa.backbones import chat, decoder_adapter, decoder_net, lora
from continual_vqa.backbones.adapters import ATTENTION, MLP, Branch
from continual_vqa.backbones.answering import Answering
from continual_vqa.backbones.base import Backbone, Batch, Part
from continual_vqa.backbones.beam import beam_search
from continual_vqa.backbones.sampling import sample_tokens
from continual_vqa.backbones.tokens import BEGINS, Words, padded
from continual_vqa.config.backbone import (
    BackboneConfig,
    LlavaConfig,
    PaliGemmaConfig,
    VisionConfig,
)
from continual_vqa.errors import UserError

PROJECTOR = "net.model.multi_modal_projector."
TOWER = "net.model.vision_tower."
# Where low-rank factors may be, by names in the network.
LAYERS, TOWER_LAYERS = "model.language_model.layers.", "model.vision_tower."


@dataclass(frozen=True, slots=True)
class Looks:
    """What a model is given: the prompt's template, and how pixels are scaled."""

    template: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class Decoder(Backbone):
    """A tower, a projector, a language model; parts: `vision` (tower, projector), `language`.

    Attributes
    ----------
    architecture : the name of transformers' class
    mutual : whether all tokens of a prompt see each other; else each sees those before it
    first : the position of the first token
    """

    architecture: str
    mutual: bool = False
    first: int = 0

    mean: Tensor
    std: Tensor

    def __init__(self, net: nn.Module, words: Words, looks: Looks, dtype: str) -> None:
        super().__init__()
        self.net: Any = net
        self.words, self.looks, self.dtype = words, looks, dtype
        self.factors: lora.Factors | None = None
        self.trains_projector = True
        self.checkpointing = False
        self.image = words.special(chat.IMAGE)
        for mark in BEGINS:
            if mark in looks.template:
                words.special(mark)
        config = self.net.config
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
        self.register_buffer("mean", torch.tensor(looks.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(looks.std).view(3, 1, 1), persistent=False)

    @staticmethod
    @abstractmethod
    def settings(config: BackboneConfig) -> LlavaConfig | PaliGemmaConfig:
        """The family's own block of the config."""

    @property
    def tokens(self) -> int:
        """P, the number of visual tokens."""
        return (self.vision.image_size // self.vision.patch_size) ** 2

    @abstractmethod
    def features(self, pixels: Tensor) -> Tensor:
        """What the projector sees, (B, P, width of the tower), of scaled pixels (B, 3, H, W)."""

    @abstractmethod
    def processor(self) -> dict[str, object]:
        """The `preprocessor_config.json` with which transformers scales images alike."""

    def describe(self) -> dict[str, object]:
        """transformers' configuration, the factors, and what the model is given."""
        return {
            "transformers": self.describe_net(),
            "lora": self.factors.as_dict() if self.factors else None,
            "trains_projector": self.trains_projector,
            "template": self.looks.template,
            "mean": list(self.looks.mean),
            "std": list(self.looks.std),
            "dtype": self.dtype,
            "checkpointing": self.checkpointing,
        }

    def describe_net(self) -> dict[str, Any]:
        """transformers' `config.json` of the model."""
        return decoder_net.described(self.net.config)

    def restore(self, description: dict) -> None:
        """Become, untrained, what `describe` described, beside the network and its looks."""
        self.trains_projector = description.get("trains_projector", True)
        if description["lora"]:
            self.put_factors(lora.Factors.read(description["lora"]))
        self.store_as(description["dtype"])
        self.checkpoint_layers(description["checkpointing"])

    def part_of(self, name: str) -> Part:
        """Tower and projector are vision, all else language."""
        return "vision" if name.startswith((PROJECTOR, TOWER)) else "language"

    def low_rank(self) -> list[str]:
        """The factors and, unless the config says otherwise, the projector; or nothing."""
        if self.factors is None:
            return []
        with_them = (PROJECTOR,) if self.trains_projector else ()
        names = [name for name, _ in self.named_parameters()]
        return [name for name in names if lora.is_factor(name) or name.startswith(with_them)]

    def branches(self) -> list[Branch]:
        """Attention and feed-forward of every layer of the language model, token by token."""
        config = self.net.config.text_config
        return [
            Branch(
                f"net.{LAYERS}{layer}.{module}",
                config.hidden_size,
                whole=False,
                stack="decoder",
                layer=layer + 1,
                kind=kind,
            )
            for layer in range(config.num_hidden_layers)
            for module, kind in (("self_attn", ATTENTION), ("mlp", MLP))
        ]

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
            kind = torch.float32 if name in trained else decoder_net.DTYPES[dtype]
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
        self.trains_projector = config.lora.projector
        if config.adapter:
            decoder_adapter.load(Path(config.adapter), self, config.lora.dropout)
        else:
            own = lora.adapted(
                self.net, self.factors, config, seed, language=LAYERS, tower=TOWER_LAYERS
            )
            self._have(own)
        settings = self.settings(config)
        self.store_as(settings.dtype)
        self.checkpoint_layers(settings.checkpointing)

    def prompt_tokens(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Token ids of the template around each text; the image is one token still."""
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
        prompt = self.embedded(batch)
        given = self.lookup(batch.answers[:, :-1])
        mask = torch.cat([batch.mask, batch.mask.new_ones(given.shape[:2])], 1)
        states = self.read(torch.cat([prompt, given], 1), mask, prompt.shape[1])
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
        seen = self.features((images.permute(0, 3, 1, 2) / 255.0 - self.mean) / self.std)
        projector = self.net.model.multi_modal_projector
        return projector(seen.to(next(projector.parameters()).dtype))

    def lookup(self, tokens: Tensor) -> Tensor:
        """Embeddings (B, Q, D) of `tokens` (B, Q), as the language model takes them."""
        return self.net.model.language_model.embed_tokens(tokens)

    def embedded(self, batch: Batch) -> Tensor:
        """Prompt (B, T, D): the visual tokens in place of the image's, the words' embeddings."""
        words = self.lookup(batch.questions)
        seen = self.see(batch.visual).to(words.dtype)
        is_image = batch.questions == self.image
        place = (is_image.cumsum(1) - 1).clamp(min=0)
        spread = seen.gather(1, place[..., None].expand_as(words))
        return torch.where(is_image[..., None], spread, words)

    def read(self, embedded: Tensor, mask: Tensor, prompt: int, cache: Any = None) -> Tensor:
        """States (B, Q, D) of the last Q of the S tokens that `mask` (B, S) is of.

        The mask is given as a table of who sees whom, so that no padding depends on the data.

        Parameters
        ----------
        embedded : (B, Q, D)
        prompt : T, the number of tokens of the prompts, which are the first
        cache : keys and values of the tokens before the last Q
        """
        total, new = mask.shape[1], embedded.shape[1]
        position = torch.arange(total, device=mask.device)
        own = position[total - new :, None]
        farthest = own.clamp(min=prompt - 1) if self.mutual else own
        # A padding token sees itself: a row that sees nothing would be NaN.
        table = ((position <= farthest) & mask[:, None, :]) | (position == own)
        places = (mask.cumsum(1) - 1).clamp(min=0)[:, total - new :] + self.first
        return self.net.model.language_model(
            inputs_embeds=embedded,
            attention_mask=table[:, None],
            position_ids=places,
            past_key_values=cache,
            use_cache=cache is not None,
        ).last_hidden_state
