from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import tiny_model
from continual_vqa.backbones.t5_layers import T5Shape
from continual_vqa.backbones.t5_vision import from_folder
from continual_vqa.backbones.tensor_file import read_tensors, write_tensors
from continual_vqa.backbones.tokens import read_words
from continual_vqa.config.backbone import BackboneConfig
from continual_vqa.errors import UserError
from tiny_model import reference


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A T5 as transformers saves it, with a tokenizer.json."""
    words = tiny_model.words()
    model = reference(T5Shape(words.size + 5, 24, 6, 2, 30, 2, 2))
    model.save_pretrained(tmp_path / "t5")
    (tmp_path / "t5" / "tokenizer.json").write_text(words.content)
    return tmp_path / "t5"


def load(folder: Path):
    config = BackboneConfig(vision=tiny_model.PATCHES)
    return from_folder(folder, config, read_words(folder / "tokenizer.json"), seed=0).eval()


def test_a_saved_t5_gives_the_same_states_and_logits(folder: Path) -> None:
    from transformers.models.t5.modeling_t5 import T5ForConditionalGeneration

    theirs = T5ForConditionalGeneration.from_pretrained(folder).eval()
    model = load(folder)
    tokens = torch.tensor([model.words.encode(["what color is the left side?"])[0].tolist()])
    mask = torch.ones_like(tokens, dtype=torch.bool)
    start = torch.tensor([[0, 4, 5]])
    with torch.no_grad():
        memory = model.text.encode(model.text.shared(tokens), mask)
        expected = theirs(input_ids=tokens, decoder_input_ids=start)
        logits = model.text.decode(start, memory, mask)
    torch.testing.assert_close(memory, expected.encoder_last_hidden_state, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(logits, expected.logits, rtol=1e-4, atol=1e-4)
    assert model.visual.pixels.weight.shape == (24, 3 * 8 * 8)


def change_config(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_an_untied_unscaled_head_is_read(folder: Path) -> None:
    metadata, tensors = read_tensors(folder / "model.safetensors")
    tensors["lm_head.weight"] = torch.ones_like(tensors["shared.weight"])
    tensors["encoder.embed_tokens.weight"] = tensors["shared.weight"].clone()
    write_tensors(folder / "model.safetensors", tensors, metadata)
    change_config(folder, tie_word_embeddings=False, scale_decoder_outputs=False)
    model = load(folder)
    assert not model.text.shape.tied_head and not model.text.shape.scaled_head
    assert torch.equal(model.text.lm_head.weight, tensors["lm_head.weight"])


def only_pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def untie(folder: Path) -> None:
    metadata, tensors = read_tensors(folder / "model.safetensors")
    tensors["lm_head.weight"] = torch.zeros_like(tensors["shared.weight"])
    write_tensors(folder / "model.safetensors", tensors, metadata)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (only_pickle, ["no model.safetensors", "pytorch_model.bin", "never read"]),
        (untie, ["lm_head.weight differs"]),
        (lambda f: change_config(f, model_type="bart"), ["config.json", "'bart'", "t5"]),
        (lambda f: change_config(f, feed_forward_proj="gated-silu"), ["gated-silu"]),
        (lambda f: change_config(f, vocab_size=5), ["5 embeddings"]),
        (lambda f: change_config(f, d_model="wide"), ["config.json", "wide"]),
        (lambda f: change_config(f, num_layers=3, num_decoder_layers=2), ["missing tensors"]),
        (lambda f: (f / "tokenizer.json").write_text("{}"), ["tokenizer"]),
    ],
)
def test_what_is_no_t5_is_refused(folder: Path, damage, words: list[str]) -> None:
    damage(folder)
    with pytest.raises(UserError) as caught:
        load(folder)
    assert all(word in str(caught.value) for word in words)
