"""The `vilt` family: one transformer reads the question's words and the image's patches.

Source: Kim et al., ICML 2021 (ViLT), by transformers; its head for VQA on the pooled state, and
those of vilt_heads.py.
Shapes: B samples, R prompts of theirs, T question tokens, P patches, S = T + P + 1 tokens, D width,
V answers, K places for choices.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from continual_vqa.backbones import (
    decoder_folder,
    decoder_net,
    lora,
    vilt_folder,
    vilt_heads,
    vilt_net,
)
from continual_vqa.backbones.adapters import ATTENTION, MLP, Branch
from continual_vqa.backbones.base import Batch, Part
from continual_vqa.backbones.classes import Classes
from continual_vqa.backbones.classifier import ABSENT, Classifier
from continual_vqa.backbones.tokens import BEGINS, Words
from continual_vqa.config.backbone import BackboneConfig, VisionConfig
from continual_vqa.errors import UserError

EMBEDDINGS = "net.vilt.embeddings."
TEXT = EMBEDDINGS + "text_embeddings."
HEAD = "net." + vilt_net.HEAD
EXTRA = "extra_heads."
# Where low-rank factors may be, by names in the network.
LAYERS = "vilt.encoder.layer."
BEGIN = BEGINS[-1]
# Mean and deviation of pixels, red, green, blue (ViLT).
MEAN = STD = (0.5, 0.5, 0.5)


class Vilt(Classifier):
    """ViLT; parts: `vision` (what pixels become tokens by), `language` (all else).

    There is one transformer for both, so neither owns it. It is counted to `language`, as all of T5
    is in `t5_vision`, whose encoder reads patches and words alike: a part is then the same share
    of a model in both families (choice of this project). `vision` are the patch embedding, the
    image's own token, its positions and the modality table.

    A question about one image is answered as if no other were about two: by one pass, whatever
    stands in the place of its second image.
    """

    family = "vilt"
    architecture = "ViltForQuestionAnswering"

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        net: nn.Module,
        words: Words,
        classes: Classes,
        scaling: tuple[Any, Any],
        pairs: bool = False,
    ) -> None:
        super().__init__()
        self.net: Any = net
        self.words, self.classes, self.scaling = words, classes, scaling
        self.factors: lora.Factors | None = None
        self.sees_pairs = pairs
        config = self.net.config
        self.extra_heads = vilt_heads.ExtraHeads(config.hidden_size, classes, pairs)
        if words.size > config.vocab_size:
            raise UserError(
                f"{words.size} tokens for {config.vocab_size} embeddings",
                where="tokenizer.json",
                do="use the tokenizer.json that belongs to the model",
            )
        if words.begin is None:
            words.special(BEGIN)
        self.vision = VisionConfig(image_size=config.image_size, patch_size=config.patch_size)
        mean, std = (torch.tensor(each).view(3, 1, 1) for each in scaling)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)

    def describe(self) -> dict[str, object]:
        """transformers' configuration, the list of answers, the factors and the pixels' scaling."""
        config = self.describe_net()
        for name in vilt_folder.LISTS:
            config.pop(name, None)
        return {
            "transformers": config,
            "answers": list(self.classes.texts),
            "mean": list(self.scaling[0]),
            "std": list(self.scaling[1]),
            **({"choices": self.classes.places} if self.classes.places else {}),
            **({"pairs": True} if self.sees_pairs else {}),
            **({"lora": self.factors.as_dict()} if self.factors else {}),
        }

    def describe_net(self) -> dict[str, Any]:
        """transformers' `config.json` of the model, with its answers."""
        found = decoder_net.described(self.net.config)
        return {**found, **vilt_folder.lists(self.classes)}

    def processor(self) -> dict[str, object]:
        """ViLT's."""
        return {
            "image_processor_type": "ViltImageProcessor",
            "image_mean": list(self.scaling[0]),
            "image_std": list(self.scaling[1]),
            "size": {"shortest_edge": self.vision.image_size},
            "size_divisor": self.vision.patch_size,
        }

    def part_of(self, name: str) -> Part:
        """All embeddings but those of words are vision, all else language."""
        return "vision" if name.startswith(EMBEDDINGS) and TEXT not in name else "language"

    def low_rank(self) -> list[str]:
        """The factors and the heads; empty for a model without factors."""
        if self.factors is None:
            return []
        heads = set(self.heads())
        names = [name for name, _ in self.named_parameters()]
        return [name for name in names if lora.is_factor(name) or name in heads]

    def branches(self) -> list[Branch]:
        """Attention and feed-forward of every layer, which words and patches pass together."""
        width = self.net.config.hidden_size
        return [
            Branch(
                f"net.{LAYERS}{layer}.{module}",
                width,
                whole=True,
                stack="encoder",
                layer=layer + 1,
                kind=kind,
            )
            for layer in range(self.net.config.num_hidden_layers)
            for module, kind in (("attention.output", ATTENTION), ("output.dropout", MLP))
        ]

    def heads(self) -> list[str]:
        """The head over the answers, and those for choices and for pairs."""
        return [name for name, _ in self.named_parameters() if name.startswith((HEAD, EXTRA))]

    def put_factors(self, factors: lora.Factors) -> None:
        """Give the model these factors, not yet filled; it must have none."""
        lora.add(self.net, factors)
        self.factors = factors

    def adapt(self, config: BackboneConfig, seed: int) -> None:
        """Add fresh factors where the config asks for some; a base's own are kept.

        Raises
        ------
        UserError : the base has other factors than the config asks for
        """
        self.factors = lora.adapted(self.net, self.factors, config, seed, language=LAYERS)

    def prompt_tokens(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Begin mark, token ids, end mark; as in ViLT, words beyond its positions are cut off."""
        room = self.net.config.max_position_embeddings - 2
        begin, end = self.words.begin, self.words.end
        plain = self.words.plain(texts)
        return [np.asarray([begin, *ids[:room], end], np.int64) for ids in plain]

    def question_tokens(self, questions: Sequence[str]) -> list[np.ndarray]:
        """The same: a question is put as it stands."""
        return self.prompt_tokens(questions)

    def choice_tokens(self, questions: Sequence[str], choices: Sequence[str]) -> list[np.ndarray]:
        """Question and choice between the marks; the question is cut before the choice is."""
        room = self.net.config.max_position_embeddings - 2
        begin, end = self.words.begin, self.words.end
        plain = zip(self.words.plain(questions), self.words.plain(choices), strict=True)
        rows = [[*asked[: max(0, room - len(own))], *own[:room]] for asked, own in plain]
        return [np.asarray([begin, *row, end], np.int64) for row in rows]

    def logits(self, batch: Batch) -> Tensor:
        """Logits (B, 1, V + K) of the answers and the choices; `ABSENT` where there is none."""
        if batch.plain is not None:
            return vilt_heads.logits(self, batch, batch.plain)[:, None]
        first = batch.visual if batch.visual.dim() == 4 else batch.visual[:, 0]
        pooled = self.pooled(batch.questions, batch.mask, self.see(first))
        listed = self.net.classifier(pooled)[:, None]
        places = self.classes.places
        return F.pad(listed, (0, places), value=ABSENT) if places else listed

    def pooled(
        self, questions: Tensor, mask: Tensor, seen: Tensor, image: int = vilt_heads.FIRST
    ) -> Tensor:
        """The pooled states (R, D) of prompts (R, T): what their begin marks have become.

        Parameters
        ----------
        seen : (R, P + 1, D) visual tokens
        image : their row of the modality table
        """
        embeddings, vilt = self.net.vilt.embeddings, self.net.vilt
        mask = torch.cat([mask, mask.new_ones(seen.shape[:2])], 1)
        self.show_tokens(mask)
        modality = embeddings.token_type_embeddings
        words = embeddings.text_embeddings(questions)
        words = words + modality(torch.zeros_like(questions))
        kind = torch.full_like(mask[:, words.shape[1] :], image, dtype=torch.long)
        seen = seen + modality(kind)
        states = torch.cat([words, seen], 1)
        # What is added to the attention's scores: ViLT's layers take no table of true and false.
        hidden = torch.zeros_like(mask, dtype=states.dtype)
        hidden = hidden.masked_fill(~mask, torch.finfo(states.dtype).min)[:, None, None]
        states = vilt.encoder(states, attention_mask=hidden).last_hidden_state
        return vilt.pooler(vilt.layernorm(states))

    def see(self, images: Tensor) -> Tensor:
        """Visual tokens (B, P + 1, D) of `images`, uint8 (B, height, width, 3).

        transformers' own way shuffles the patches, at random even where it keeps all: the answers
        are the same, but for rounding.
        """
        embeddings = self.net.vilt.embeddings
        pixels = (images.permute(0, 3, 1, 2) / 255.0 - self.mean) / self.std
        patches = embeddings.patch_embeddings(pixels).flatten(2).transpose(1, 2)
        whole = torch.zeros_like(patches[:, :1]) + embeddings.cls_token
        return embeddings.dropout(torch.cat([whole, patches], 1) + embeddings.position_embeddings)


def build(
    config: BackboneConfig,
    words: Words,
    seed: int,
    answers: Sequence[str] = (),
    choices: int = 0,
    pairs: bool = False,
) -> Vilt:
    """A freshly initialised model of the config's sizes; see `from_folder`."""
    words, classes = words.with_special(BEGIN), Classes(answers, "--texts", choices)
    content = vilt_net.sizes(config, words)
    net = vilt_net.empty_net(vilt_net.net_config(content, "backbone.vilt", len(classes)))
    vilt_net.initialise(net, seed)
    return _with_heads(net, words, classes, (MEAN, STD), pairs, seed)


def from_folder(
    folder: Path,
    config: BackboneConfig,
    words: Words,
    seed: int,
    answers: Sequence[str] = (),
    choices: int = 0,
    pairs: bool = False,
) -> Vilt:
    """A ViLT of a local Hugging Face folder, without factors.

    A folder with a head for VQA brings its own list of answers; on any other the head is new and
    chooses from `answers`. The other heads are new.

    Parameters
    ----------
    choices : the most choices that a question may have; 0: no head for choices
    pairs : whether questions may be about two images
    """
    content = decoder_folder.read_config(folder, "vilt")
    own = vilt_folder.read_answers(folder, content)
    classes = Classes(answers if own is None else own.texts, "--texts", choices)
    path = folder / "config.json"
    sizes = vilt_net.net_config(content, path, len(classes))
    net = decoder_folder.claimed(folder, content, lambda: vilt_net.empty_net(sizes))
    if own is None:
        vilt_net.initialise(net, seed, head_only=True)
    vilt_folder.load_weights(folder, net, head=own is not None)
    scaling = decoder_folder.read_scaling(folder, MEAN, STD)
    return _with_heads(net, words, classes, scaling, pairs, seed)


def _with_heads(
    net: Any, words: Words, classes: Classes, scaling: tuple[Any, Any], pairs: bool, seed: int
) -> Vilt:
    if pairs:
        vilt_heads.widen(net)
    model = Vilt(net, words, classes, scaling, pairs)
    vilt_heads.initialise(model.extra_heads, seed)
    return model


def rebuild(description: dict, words: Words) -> Vilt:
    """The untrained model that `describe` described."""
    classes = Classes(description["answers"], "config.json", int(description.get("choices", 0)))
    config = vilt_net.net_config(description["transformers"], "config.json", len(classes))
    scaling = tuple(description["mean"]), tuple(description["std"])
    pairs = description.get("pairs") is True
    model = Vilt(vilt_net.empty_net(config), words, classes, scaling, pairs)
    if description.get("lora"):
        model.put_factors(lora.Factors.read(description["lora"]))
    return model
