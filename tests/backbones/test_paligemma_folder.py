"""PaliGemma's folders and adapters; what it shares with LLaVA's is tested there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import tiny_decoder
import tiny_paligemma
from continual_vqa.backbones import decoder_adapter, decoder_folder
from continual_vqa.backbones.paligemma import PaliGemma, from_folder
from continual_vqa.backbones.tensor_file import read_tensors, write_tensors
from continual_vqa.backbones.tokens import read_words
from continual_vqa.errors import UserError

# peft's releases trail transformers': what they still call is none of ours.
pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*:FutureWarning")
HEAD = "language_model.lm_head.weight"


def load(folder: Path, adapter: Path | None = None) -> PaliGemma:
    config = tiny_paligemma.config(rank=0)
    model = from_folder(folder, config, read_words(folder / "tokenizer.json"), 0)
    if adapter:
        model.adapt(config.model_copy(update={"adapter": str(adapter)}), 0)
    return model


def change(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def rewrite(folder: Path, **tensors: torch.Tensor) -> None:
    path = folder / "model.safetensors"
    metadata, found = read_tensors(path)
    write_tensors(path, {**found, **tensors}, metadata)


def test_a_saved_model_gives_the_same_logits(tmp_path: Path) -> None:
    net = tiny_paligemma.saved(tmp_path, max_shard_size="20KB")
    assert (tmp_path / "model.safetensors.index.json").exists()
    model = load(tmp_path)
    tiny_decoder.assert_same_logits(net, model)
    assert (model.vision.image_size, model.tokens, model.default_tune) == (16, 4, "full")


def test_the_layout_of_published_files_is_read(tmp_path: Path) -> None:
    net = tiny_paligemma.saved(tmp_path)
    metadata, tensors = read_tensors(tmp_path / "model.safetensors")
    plain = {decoder_folder.canonical(name): tensor for name, tensor in tensors.items()}
    fronts = {
        "model.language_model.": "language_model.model.",
        "model.vision_tower.": "vision_tower.vision_model.",
        "model.multi_modal_projector.": "multi_modal_projector.",
    }
    published = {
        next(new + n.removeprefix(old) for old, new in fronts.items() if n.startswith(old)): t
        for n, t in plain.items()
        if n != "lm_head.weight"
    }
    assert len(published) == len(dict(net.named_parameters()))
    write_tensors(tmp_path / "model.safetensors", published, metadata)
    model = load(tmp_path)
    tiny_decoder.assert_same_logits(net, model)
    # A file may repeat the tied head.
    rewrite(tmp_path, **{HEAD: published["language_model.model.embed_tokens.weight"]})
    again = load(tmp_path)
    tiny_decoder.assert_same_logits(net, again)
    assert again.net.lm_head.weight is again.net.model.language_model.embed_tokens.weight


def test_a_written_folder_is_one_of_transformers(tmp_path: Path) -> None:
    from transformers.models.paligemma.modeling_paligemma import PaliGemmaForConditionalGeneration

    model = tiny_paligemma.tiny()
    decoder_folder.write(tmp_path, model)
    net = PaliGemmaForConditionalGeneration.from_pretrained(tmp_path).eval()
    tiny_decoder.assert_same_logits(net, model)
    tiny_decoder.assert_same_logits(net, load(tmp_path))


def test_an_adapter_of_peft_gives_the_same_logits(tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    net = tiny_paligemma.saved(tmp_path / "base")
    layers = r".*(language_model|vision_tower).*\.(q_proj|v_proj|down_proj|fc1)"
    peft: Any = get_peft_model(net, LoraConfig(r=3, lora_alpha=5, target_modules=layers)).eval()
    with torch.no_grad():
        for parameter in peft.parameters():
            if parameter.requires_grad:
                parameter.normal_(0.0, 0.3)
    peft.save_pretrained(tmp_path / "adapter")
    model = load(tmp_path / "base", tmp_path / "adapter")
    assert model.factors is not None and len(model.factors.modules) == 2 * (3 + 3)
    assert {model.part_of(name) for name in model.low_rank() if "lora" in name} == {
        "vision",
        "language",
    }
    tiny_decoder.assert_same_logits(peft, model)


@pytest.mark.parametrize("projector", [True, False])
def test_a_written_adapter_is_one_of_peft(tmp_path: Path, projector: bool) -> None:
    from peft import PeftModel

    net = tiny_paligemma.saved(tmp_path / "base")
    config = tiny_paligemma.config(lora={"projector": projector, "vision_tower": True})
    words = read_words(tmp_path / "base" / "tokenizer.json")
    model = from_folder(tmp_path / "base", config, words, 0)
    model.adapt(config, 0)
    trained = set(model.low_rank())
    for name, parameter in model.named_parameters():
        if name in trained:
            parameter.data.normal_(0.0, 0.3)
    decoder_adapter.write(tmp_path / "adapter", model, "base")
    peft = PeftModel.from_pretrained(net, str(tmp_path / "adapter")).eval()
    tiny_decoder.assert_same_logits(peft, model)
    again = load(tmp_path / "base", tmp_path / "adapter")
    assert again.factors == model.factors
    tiny_decoder.assert_same_logits(peft, again)


def no_begin(folder: Path) -> None:
    path = folder / "tokenizer.json"
    path.write_text(path.read_text().replace("<bos>", "<first>"))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: change(f, model_type="llava"), ["'llava'", "paligemma"]),
        (lambda f: change(f, text_config={"model_type": "gemma2"}), ["gemma2", "text_config"]),
        (lambda f: change(f, vision_config={"model_type": "clip_vision_model"}), ["clip"]),
        (lambda f: change(f, image_token_index=3), ["<image>", "tokenizer.json"]),
        (lambda f: rewrite(f, more=torch.zeros(2)), ["unknown tensors: more"]),
        (no_begin, ["<bos>"]),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, damage, words: list[str]) -> None:
    tiny_paligemma.saved(tmp_path)
    damage(tmp_path)
    with pytest.raises(UserError) as caught:
        load(tmp_path)
    assert all(word in str(caught.value) for word in words), str(caught.value)
