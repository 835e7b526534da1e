"""The `t5_vision` family (VL-T5 class): visual tokens in front of the question in a T5 encoder.

Source: Cho et al., ICML 2021 (VL-T5), the backbone of VQACL. Low-rank factors, where the config
asks for them, are on the linear layers of T5's blocks.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from continual_vqa.backbones import lora, t5, visual
from continual_vqa.backbones.adapters import ATTENTION, MLP, Branch
from continual_vqa.backbones.base import Backbone, Batch, Part
from continual_vqa.backbones.beam import beam_search
from continual_vqa.backbones.claims import check_claims
from continual_vqa.backbones.huggingface import WEIGHTS, load_t5, read_shape
from continual_vqa.backbones.sampling import sample_tokens
from continual_vqa.backbones.t5_layers import T5Shape
from continual_vqa.backbones.tokens import Words
from continual_vqa.config.backbone import BackboneConfig, VisionConfig
from continual_vqa.errors import UserError
from continual_vqa.files.tensors import read_header

VISUAL = "visual."
# Where low-rank factors may be, by names in the text model.
BLOCKS = ("encoder.block.", "decoder.block.")


class T5Vision(Backbone):
    """T5 with a visual embedding; parts: `vision` (the embedding), `language` (all of T5)."""

    family = "t5_vision"

    def __init__(self, shape: T5Shape, vision: VisionConfig, words: Words) -> None:
        super().__init__()
        self.words, self.vision = words, vision
        self.visual = visual.EMBEDDINGS[vision.kind](vision, shape.d_model)
        self.text = t5.T5(shape)
        self.factors: lora.Factors | None = None

    def describe(self) -> dict[str, object]:
        """Sizes of the text model and of the visual embedding; the factors, if there are any."""
        return {
            "shape": asdict(self.text.shape),
            "vision": self.vision.model_dump(),
            **({"lora": self.factors.as_dict()} if self.factors else {}),
        }

    def part_of(self, name: str) -> Part:
        """`visual.*` is vision, all else language."""
        return "vision" if name.startswith(VISUAL) else "language"

    def low_rank(self) -> list[str]:
        """The factors and the visual embedding; empty for a model without factors."""
        if self.factors is None:
            return []
        names = [name for name, _ in self.named_parameters()]
        return [name for name in names if lora.is_factor(name) or name.startswith(VISUAL)]

    def branches(self) -> list[Branch]:
        """Self-attention and feed-forward of every block; the decoder's tokens come one by one."""
        shape = self.text.shape
        stacks = (("encoder", shape.encoder_layers, 1), ("decoder", shape.decoder_layers, 2))
        return [
            Branch(
                f"text.{stack}.block.{block}.layer.{layer}",
                shape.d_model,
                stack == "encoder",
                stack=stack,
                layer=block + 1,
                kind=kind,
            )
            for stack, blocks, last in stacks
            for block in range(blocks)
            for layer, kind in (("0.SelfAttention", ATTENTION), (f"{last}.DenseReluDense", MLP))
        ]

    def put_factors(self, factors: lora.Factors) -> None:
        """Give the model these factors, not yet filled; it must have none."""
        lora.add(self.text, factors)
        self.factors = factors

    def adapt(self, config: BackboneConfig, seed: int) -> None:
        """Add fresh factors where the config asks for some; a base's own are kept.

        Raises
        ------
        UserError : the base has other factors than the config asks for
        """
        self.factors = lora.adapted(self.text, self.factors, config, seed, language=BLOCKS)

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Encoder states (B, S, D) and their mask (B, S): visual tokens, then the question's."""
        seen = self.visual(batch.visual)
        embedded = torch.cat([seen, self.text.shared(batch.questions)], 1)
        mask = torch.cat([batch.mask.new_ones(seen.shape[:2]), batch.mask], 1)
        self.show_tokens(mask)
        return self.text.encode(embedded, mask, visual=seen.shape[1]), mask

    def logits(self, batch: Batch) -> Tensor:
        """Logits (B, L, V) with the answer shifted right behind the start token."""
        assert batch.answers is not None
        memory, mask = self.encode(batch)
        shifted = batch.answers.roll(1, 1)
        shifted[:, 0] = self.words.pad
        return self.text.decode(shifted, memory, mask)

    @torch.inference_mode()
    def generate(self, batch: Batch, *, beams: int, length: int) -> tuple[Tensor, Tensor]:
        """Beam search; ids (B, length) and summed log-probabilities (B,)."""
        state = self.text.begin(*self.encode(batch))
        return beam_search(
            lambda tokens: self.text.step(state, tokens),
            lambda rows: self.text.reorder(state, rows),
            len(batch.questions),
            beams=beams,
            length=length,
            start=self.words.pad,
            end=self.words.end,
            device=batch.questions.device,
        )

    @torch.no_grad()
    def sample(self, batch: Batch, uniforms: Tensor) -> Tensor:
        """See `Backbone.sample`; the encoder runs once, the decoder a token at a time."""
        state = self.text.begin(*self.encode(batch))

        def logits(prefix: Tensor) -> Tensor:
            # The decoder sees what is before the place: the start token, then the tokens drawn.
            start = torch.full_like(prefix[:, :1], self.words.pad)
            last = prefix[:, -2:-1] if prefix.shape[1] > 1 else start
            return self.text.step(state, last)[:, 0]

        return sample_tokens(logits, uniforms, pad=self.words.pad, end=self.words.end)


def build(config: BackboneConfig, words: Words, seed: int) -> T5Vision:
    """A freshly initialised model of the config's sizes."""
    shape = T5Shape(
        vocabulary=words.size,
        d_model=config.d_model,
        d_kv=config.d_kv,
        heads=config.heads,
        d_ff=config.d_ff,
        encoder_layers=config.encoder_layers,
        decoder_layers=config.decoder_layers,
        feed_forward=config.feed_forward,
        dropout=config.dropout,
    )
    model = T5Vision(shape, _checked(config.vision), words)
    _initialise(model, seed)
    return model


def from_folder(folder: Path, config: BackboneConfig, words: Words, seed: int) -> T5Vision:
    """A T5 of a local Hugging Face folder with a fresh visual embedding."""
    shape = read_shape(folder, words)

    def untrained() -> T5Vision:
        return T5Vision(shape, _checked(config.vision), words)

    check_claims(asdict(shape), read_header(folder / WEIGHTS)[1], untrained, folder / "config.json")
    model = untrained()
    _initialise(model, seed)
    load_t5(folder, model.text)
    return model


def rebuild(description: dict, words: Words) -> T5Vision:
    """The untrained model that `describe` described."""
    vision = VisionConfig.model_validate(description["vision"])
    model = T5Vision(T5Shape(**description["shape"]), _checked(vision), words)
    if description.get("lora"):
        model.put_factors(lora.Factors.read(description["lora"]))
    return model


def _initialise(model: T5Vision, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    visual.initialise(model.visual, generator)
    t5.initialise(model.text, generator)


def _checked(vision: VisionConfig) -> VisionConfig:
    if vision.kind == "patches" and vision.image_size % vision.patch_size:
        raise UserError(
            f"{vision.image_size} is not a multiple of patch_size {vision.patch_size}",
            where="backbone.vision.image_size",
            expected="whole patches",
        )
    return vision
