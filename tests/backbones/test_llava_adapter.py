"""Adapters as peft writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import tiny_decoder
import tiny_llava
from continual_vqa.backbones import decoder_adapter
from continual_vqa.backbones.llava import Llava, from_folder
from continual_vqa.backbones.tensor_file import read_tensors, write_tensors
from continual_vqa.backbones.tokens import read_words
from continual_vqa.errors import UserError

# peft's releases trail transformers': what they still call is none of ours.
pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*:FutureWarning")
LAYERS = r".*language_model.*\.(q_proj|v_proj|down_proj)"


def trained_by_peft(folder: Path, **changes: Any):
    """A stock base in folder/base, a stock adapter with random weights in folder/adapter."""
    from peft import LoraConfig, get_peft_model

    net = tiny_llava.saved(folder / "base")
    chosen = {"r": 3, "lora_alpha": 5, "target_modules": LAYERS, **changes}
    peft = get_peft_model(net, LoraConfig(**chosen)).eval()
    with torch.no_grad():
        for parameter in peft.parameters():
            if parameter.requires_grad:
                parameter.normal_(0.0, 0.3)
    peft.save_pretrained(folder / "adapter")
    return peft


def load(folder: Path) -> Llava:
    config = tiny_llava.config(rank=0)
    base = folder / "base"
    model = from_folder(base, config, read_words(base / "tokenizer.json"), 0)
    model.adapt(config.model_copy(update={"adapter": str(folder / "adapter")}), 0)
    return model


@pytest.mark.parametrize(
    "changes",
    [{}, {"modules_to_save": ["multi_modal_projector"]}, {"use_rslora": True}],
    ids=["factors", "projector too", "rank-stabilised"],
)
def test_a_saved_adapter_gives_the_same_logits(tmp_path: Path, changes) -> None:
    peft = trained_by_peft(tmp_path, **changes)
    model = load(tmp_path)
    assert model.factors is not None
    assert (model.factors.rank, len(model.factors.modules)) == (3, 6)
    tiny_decoder.assert_same_logits(peft, model)


def test_a_written_adapter_is_one_of_peft(tmp_path: Path) -> None:
    from peft import PeftModel

    net = tiny_llava.saved(tmp_path / "base")
    config = tiny_llava.config(lora={"vision_tower": True})
    words = read_words(tmp_path / "base" / "tokenizer.json")
    model = from_folder(tmp_path / "base", config, words, 0)
    model.adapt(config, 0)
    for name, parameter in model.named_parameters():
        if name in model.low_rank():
            parameter.data.normal_(0.0, 0.3)
    decoder_adapter.write(tmp_path / "adapter", model, "base")
    peft = PeftModel.from_pretrained(net, str(tmp_path / "adapter")).eval()
    tiny_decoder.assert_same_logits(peft, model)
    again = load(tmp_path)
    assert again.factors == model.factors
    tiny_decoder.assert_same_logits(peft, again)


def test_one_adapter_is_not_put_on_another(tmp_path: Path) -> None:
    model = tiny_llava.tiny()
    config = tiny_llava.config().model_copy(update={"adapter": str(tmp_path)})
    with pytest.raises(UserError, match="has factors already"):
        model.adapt(config, 0)
    with pytest.raises(UserError, match="rank 4, alpha 8"):
        model.adapt(tiny_llava.config(rank=5), 0)


def change(folder: Path, **values: object) -> None:
    path = folder / "adapter" / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def rename(folder: Path, old: str, new: str) -> None:
    path = folder / "adapter" / "adapter_model.safetensors"
    metadata, tensors = read_tensors(path)
    write_tensors(path, {n.replace(old, new): t for n, t in tensors.items()}, metadata)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: change(f, peft_type="IA3"), ["IA3", "LORA"]),
        (lambda f: change(f, bias="all"), ["bias 'all'"]),
        (lambda f: change(f, use_dora=True), ["use_dora"]),
        (lambda f: change(f, modules_to_save=["lm_head"]), ["lm_head"]),
        (lambda f: change(f, r=0), ["r is 0"]),
        (lambda f: change(f, r=2), ["r is 2", "adapter_config.json"]),
        (lambda f: change(f, r=10**12), ["r is 1000000000000", "adapter_config.json"]),
        (lambda f: change(f, r=True), ["r is True"]),
        (lambda f: change(f, modules_to_save=5), ["asks for 5"]),
        (lambda f: rename(f, "layers.1.", "layers.7."), ["layers.7"]),
        (lambda f: rename(f, "layers.1.self_attn.q_proj.lora_B", "x"), ["missing", "unknown"]),
        (lambda f: rename(f, "base_model.model.", "b."), ["unknown tensor b."]),
        (lambda f: rename(f, "lora_", "lore_"), ["no factors"]),
        (lambda f: (f / "adapter" / "adapter_model.safetensors").unlink(), ["adapter_model"]),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, damage, words: list[str]) -> None:
    trained_by_peft(tmp_path)
    damage(tmp_path)
    with pytest.raises(UserError) as caught:
        load(tmp_path)
    assert all(word in str(caught.value) for word in words), str(caught.value)
