"""Folders as transformers writes them, and as older releases did."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

import tiny_decoder
import tiny_llava
from continual_vqa.backbones import decoder_folder
from continual_vqa.backbones.llava import Llava, from_folder
from continual_vqa.backbones.tensor_file import read_tensors, write_tensors
from continual_vqa.backbones.tokens import read_words
from continual_vqa.errors import UserError


def load(folder: Path) -> Llava:
    words = read_words(folder / "tokenizer.json")
    return from_folder(folder, tiny_llava.config(rank=0), words, 0)


def change(folder: Path, name: str = "config.json", **values: object) -> None:
    path = folder / name
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**content, **values}))


def rename(folder: Path, **changes: str) -> None:
    metadata, tensors = read_tensors(folder / "model.safetensors")
    for old, new in changes.items():
        tensors = {name.replace(old, new): each for name, each in tensors.items()}
    write_tensors(folder / "model.safetensors", tensors, metadata)


@pytest.mark.parametrize("shards", [{}, {"max_shard_size": "10KB"}], ids=["one", "several"])
def test_a_saved_model_gives_the_same_logits(tmp_path: Path, shards) -> None:
    net = tiny_llava.saved(tmp_path, **shards)
    assert (tmp_path / "model.safetensors.index.json").exists() == bool(shards)
    model = load(tmp_path)
    tiny_decoder.assert_same_logits(net, model)
    assert (model.vision.image_size, model.tokens, model.default_tune) == (16, 4, "full")


def test_the_layouts_of_older_releases_are_read(tmp_path: Path) -> None:
    net = tiny_llava.saved(tmp_path)
    rename(tmp_path, **{"vision_tower.": "vision_tower.vision_model."})
    metadata, tensors = read_tensors(tmp_path / "model.safetensors")
    assert "language_model.lm_head.weight" in tensors
    tensors["vision_tower.vision_model.embeddings.position_ids"] = torch.arange(5)[None]
    write_tensors(tmp_path / "model.safetensors", tensors, metadata)
    tiny_decoder.assert_same_logits(net, load(tmp_path))


def test_tied_heads_may_be_repeated_or_left_out(tmp_path: Path) -> None:
    tiny_llava.saved(tmp_path)
    change(tmp_path, tie_word_embeddings=True)
    model = load(tmp_path)
    assert model.net.lm_head.weight is model.net.model.language_model.embed_tokens.weight
    assert "net.lm_head.weight" not in dict(model.named_parameters())


def test_pixels_are_scaled_as_the_processor_says(tmp_path: Path) -> None:
    tiny_llava.saved(tmp_path)
    assert load(tmp_path).looks.mean[0] == pytest.approx(0.48145466)
    inner = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.5, 0.5]}
    change(tmp_path, "processor_config.json", image_processor=inner)
    assert load(tmp_path).looks.std == (0.25, 0.5, 0.5)
    change(tmp_path, "preprocessor_config.json", image_mean=[0.1, 0.2, 0.3], image_std=[1, 1, 1])
    assert load(tmp_path).looks.mean == (0.1, 0.2, 0.3)


def test_prompt_and_pixels_are_those_of_the_stock_processor(tmp_path: Path) -> None:
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
    from transformers.models.llava.processing_llava import LlavaProcessor
    from transformers.tokenization_utils_tokenizers import PreTrainedTokenizerFast

    tiny_llava.saved(tmp_path)
    model = load(tmp_path)
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
    side = {"height": 16, "width": 16}
    processor = LlavaProcessor(
        CLIPImageProcessorPil(size=side, crop_size=side), tokenizer, patch_size=8,
        vision_feature_select_strategy="default", num_additional_image_tokens=1,
    )  # fmt: skip
    pixels = torch.randint(0, 256, (16, 16, 3), dtype=torch.uint8)
    question = "what color is the left side?"
    stock = processor(
        images=Image.fromarray(pixels.numpy()),
        text=tiny_llava.SIZES["template"].replace("{question}", question),
        return_tensors="pt",
        add_special_tokens=False,
    )
    own = model.batch(pixels[None].numpy(), model.question_tokens([question]))
    assert own.questions.tolist() == stock["input_ids"].tolist()
    scaled = (own.visual.permute(0, 3, 1, 2) / 255.0 - model.mean) / model.std
    torch.testing.assert_close(scaled, torch.as_tensor(stock["pixel_values"]))


def test_a_written_folder_is_one_of_transformers(tmp_path: Path) -> None:
    from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

    model = tiny_llava.tiny()
    decoder_folder.write(tmp_path / "whole", model)
    net = LlavaForConditionalGeneration.from_pretrained(tmp_path / "whole").eval()
    tiny_decoder.assert_same_logits(net, model)
    again = load(tmp_path / "whole")
    tiny_decoder.assert_same_logits(net, again)
    assert again.looks.mean == model.looks.mean


def only_pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def foreign_index(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    change(folder, "model.safetensors.index.json", weight_map={"a": "../other.safetensors"})


def one_mean(folder: Path) -> None:
    change(folder, "preprocessor_config.json", image_mean=[1], image_std=[1, 1, 1])


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: rename(f, linear_1="linear_3"), ["missing", "linear_1.bias", "unknown"]),
        (lambda f: change(f, model_type="t5"), ["config.json", "'t5'", "llava"]),
        (lambda f: change(f, text_config={"model_type": "no such"}), ["config.json"]),
        (lambda f: change(f, vision_config={"model_type": "siglip_vision_model"}), ["siglip"]),
        (lambda f: change(f, quantization_config={"bits": 4}), ["quantised"]),
        (lambda f: change(f, image_token_index=3), ["<image>", "tokenizer.json"]),
        (one_mean, ["image_mean"]),
        (lambda f: write_tensors(f / "model.safetensors", {}, {}), ["missing"]),
        (only_pickle, ["pytorch_model.bin", "never read"]),
        (foreign_index, ["weight_map"]),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, damage, words: list[str]) -> None:
    tiny_llava.saved(tmp_path)
    damage(tmp_path)
    with pytest.raises(UserError) as caught:
        load(tmp_path)
    assert all(word in str(caught.value) for word in words)
