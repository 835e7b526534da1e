"""A model of a few thousand weights and cells that it can learn, for tests of training."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from PIL import Image

from continual_vqa.backbones.base import Batch
from continual_vqa.backbones.folder import write_base
from continual_vqa.backbones.pixels import blank
from continual_vqa.backbones.t5_layers import T5Shape
from continual_vqa.backbones.t5_vision import T5Vision, build
from continual_vqa.backbones.tokens import Words, train_words
from continual_vqa.config.backbone import BackboneConfig, VisionConfig
from continual_vqa.data.tables import QUESTIONS
from continual_vqa.shards.writer import write_cell

COLORS = {"red": (220, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 220), "white": (250,) * 3}
PLACES = ("left", "right")
QUESTION = "what color is the {place} side?"
SMALL = {
    "d_model": 32,
    "d_kv": 8,
    "heads": 2,
    "d_ff": 48,
    "encoder_layers": 2,
    "decoder_layers": 1,
}
PATCHES = VisionConfig(image_size=16, patch_size=8)
REGIONS = VisionConfig(kind="regions", regions=3, feature_size=6)


def words() -> Words:
    return train_words([QUESTION.format(place=" ".join(PLACES)), *COLORS, "light blue"])


def tiny(vision: VisionConfig = PATCHES, seed: int = 0, **changes: object) -> T5Vision:
    config = BackboneConfig.model_validate({**SMALL, "vision": vision, **changes})
    model = build(config, words(), seed)
    model.adapt(config, seed)
    return model


def low_rank(seed: int = 0, *, fresh: bool = False, **lora: object) -> T5Vision:
    """With factors that are trained by default, drawn so that they matter, unless `fresh`."""
    model = tiny(seed=seed, lora={"rank": 3, "alpha": 4, **lora})
    model.default_tune = "lora"
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if "lora_B" in name and not fresh:
            parameter.data.normal_(0.0, 0.1, generator=generator)
    return model


def inputs(model: T5Vision, answers: tuple[str, ...] = ("red", "light blue")) -> Batch:
    """Two questions of different length about random images."""
    rng = np.random.default_rng(0)
    shape = blank(model.vision).shape
    if model.vision.kind == "patches":
        visual = rng.integers(0, 256, (2, *shape)).astype(np.uint8)
    else:
        visual = rng.random((2, *shape)).astype(np.float32)
    questions = model.question_tokens(["what color is the left side?", "what color?"])
    return model.batch(visual, questions, model.words.encode(list(answers)))


def reference(shape: T5Shape):
    """The same sizes as transformers builds them."""
    from transformers.models.t5.configuration_t5 import T5Config
    from transformers.models.t5.modeling_t5 import T5ForConditionalGeneration

    config = T5Config(
        vocab_size=shape.vocabulary,
        d_model=shape.d_model,
        d_kv=shape.d_kv,
        d_ff=shape.d_ff,
        num_layers=shape.encoder_layers,
        num_decoder_layers=shape.decoder_layers,
        num_heads=shape.heads,
        feed_forward_proj=shape.feed_forward,
        dropout_rate=0.0,
        decoder_start_token_id=0,
    )
    return T5ForConditionalGeneration(config).eval()


def base_folder(folder: Path, seed: int = 0, **changes: object) -> str:
    return write_base(folder, tiny(seed=seed, **changes))


class TwoColors:
    """Pictures whose halves have a color each, named by their numbers."""

    extension = "jpg"

    def read(self, image_path: str, /) -> bytes:
        left, right = (list(COLORS.values())[int(n)] for n in image_path.split("-"))
        pixels = np.zeros((16, 16, 3), np.uint8)
        pixels[:, :8], pixels[:, 8:] = left, right
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "JPEG", quality=95)
        return stream.getvalue()


def rows(count: int, *, skill: str, group: str, seed: int) -> pa.Table:
    """`count` questions about the sides of two-colored pictures; answers need the picture."""
    rng = np.random.default_rng(seed)
    names = list(COLORS)
    content = []
    for number in range(count):
        pair = rng.integers(0, len(names), 2)
        side = int(rng.integers(0, 2))
        answer = names[pair[side]]
        content.append(
            {
                "dataset": "vqav2",
                "split": "train",
                "question_id": str(number),
                "image_id": f"{pair[0]}-{pair[1]}",
                "image_path": f"{pair[0]}-{pair[1]}",
                "question": QUESTION.format(place=PLACES[side]),
                "answers": [answer] * 8 + ["light blue", "white"],
                "answer": answer,
                "question_type": "what color is the",
                "answer_type": "other",
                "skill": skill,
                "concept": "side",
                "group": group,
                "entailed": [],
                "choices": [],
                "second_image_path": "",
            }
        )
    return pa.Table.from_pylist(content, schema=QUESTIONS)


def cell(
    folder: Path, count: int = 24, *, skill: str = "color", group: str = "G1", seed: int = 0
) -> tuple[str, Path]:
    """Write one cell; returns its name and folder."""
    name = f"train/{skill}/{group}"
    path = folder / name
    table = rows(count, skill=skill, group=group, seed=seed)
    write_cell(table, TwoColors(), path, cell=name, max_bytes=100_000)
    return name, path


def cells(folder: Path, count: int = 24, groups: tuple[str, ...] = ("G2", "G1")) -> dict[str, Path]:
    return dict(cell(folder, count, group=group, seed=i) for i, group in enumerate(groups))
