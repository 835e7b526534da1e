"""Folders of a ViLT: with a head for VQA, without one, and back to transformers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import families
import tiny_vilt
from continual_vqa.backbones import decoder_folder
from continual_vqa.backbones.tensor_file import read_tensors, write_tensors
from continual_vqa.backbones.tokens import read_words
from continual_vqa.backbones.vilt import Vilt, from_folder
from continual_vqa.errors import UserError

SIX = np.arange(6)
CLOSE = {"rtol": 0.0, "atol": 1e-5}
WEIGHTS = "model.safetensors"


def load(folder: Path, *answers: str, seed: int = 0) -> Vilt:
    words = read_words(folder / "tokenizer.json")
    return from_folder(folder, tiny_vilt.config(), words, seed, answers).eval()


def stock_logits(net, model: Vilt) -> torch.Tensor:
    batch = families.batch(model, SIX)
    pixels = (batch.visual.permute(0, 3, 1, 2) / 255.0 - model.mean) / model.std
    with torch.no_grad():
        return net(
            input_ids=batch.questions, attention_mask=batch.mask.long(), pixel_values=pixels
        ).logits


def own_logits(model: Vilt) -> torch.Tensor:
    with torch.no_grad():
        return model.logits(families.batch(model, SIX))[:, 0]


def change(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def rewrite(folder: Path, **tensors: torch.Tensor) -> None:
    metadata, found = read_tensors(folder / WEIGHTS)
    write_tensors(folder / WEIGHTS, {**found, **tensors}, metadata)


@pytest.mark.parametrize("shards", [{}, {"max_shard_size": "20KB"}])
def test_a_folder_with_a_head_brings_its_answers(tmp_path: Path, shards: dict) -> None:
    net = tiny_vilt.saved(tmp_path, **shards)
    model = load(tmp_path, "other")
    assert model.classes.texts == tiny_vilt.LIST
    torch.testing.assert_close(own_logits(model), stock_logits(net, model), **CLOSE)


def test_a_written_folder_is_one_of_transformers(tmp_path: Path) -> None:
    from transformers.models.vilt.modeling_vilt import ViltForQuestionAnswering

    model = tiny_vilt.low_rank()
    decoder_folder.write(tmp_path, model)
    stock = ViltForQuestionAnswering.from_pretrained(tmp_path).eval()
    assert stock.config.id2label == dict(enumerate(tiny_vilt.LIST))
    torch.testing.assert_close(stock_logits(stock, model), own_logits(model), **CLOSE)
    again = load(tmp_path)
    torch.testing.assert_close(own_logits(again), own_logits(model), **CLOSE)


def test_a_folder_of_pretraining_gets_a_new_head(tmp_path: Path) -> None:
    net = tiny_vilt.saved(tmp_path, "ViltForMaskedLM")
    model = load(tmp_path, "red", "green", "white")
    assert model.classes.texts == ("red", "green", "white")
    own = dict(model.net.named_parameters())
    for name, tensor in net.vilt.named_parameters():
        assert torch.equal(own[f"vilt.{name}"], tensor)
    same, other = (load(tmp_path, "red", "green", "white", seed=seed) for seed in (0, 1))
    drawn = own["classifier.0.weight"]
    assert torch.equal(drawn, same.net.classifier[0].weight)
    assert not torch.equal(drawn, other.net.classifier[0].weight)
    with pytest.raises(UserError, match="no answer to choose from"):
        load(tmp_path)


def test_a_bare_model_and_old_buffers_are_read(tmp_path: Path) -> None:
    net = tiny_vilt.saved(tmp_path, "ViltModel")
    rewrite(tmp_path, **{"embeddings.text_embeddings.position_ids": torch.arange(12)[None]})
    model = load(tmp_path, "red")
    assert torch.equal(model.net.vilt.pooler.dense.weight, net.pooler.dense.weight)


def bert_words(folder: Path) -> None:
    """A WordPiece tokenizer as BERT's are saved."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    texts = " ".join(families.QUESTIONS).replace("?", " ?").split()
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *sorted({*texts, "le", "##ft"} - {"left"})]
    tokenizer = Tokenizer(
        models.WordPiece({piece: n for n, piece in enumerate(pieces)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)  # pyright: ignore
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()  # pyright: ignore
    tokenizer.add_special_tokens(pieces[:4])
    tokenizer.save(str(folder / "tokenizer.json"))


def test_questions_are_the_pieces_of_berts_tokenizer(tmp_path: Path) -> None:
    from transformers.models.bert.tokenization_bert import BertTokenizer

    net = tiny_vilt.saved(tmp_path)
    bert_words(tmp_path)
    model = load(tmp_path)
    stock = BertTokenizer.from_pretrained(tmp_path)
    own = model.question_tokens(families.QUESTIONS)
    for question, row in zip(families.QUESTIONS, own, strict=True):
        assert stock(question)["input_ids"] == row.tolist()
    assert {model.words.begin, model.words.end, model.words.pad} == {2, 3, 0}
    torch.testing.assert_close(own_logits(model), stock_logits(net, model), **CLOSE)


def no_begin(folder: Path) -> None:
    path = folder / "tokenizer.json"
    path.write_text(path.read_text().replace("[CLS]", "[ONE]"))


def one_more_word(folder: Path) -> None:
    words = tiny_vilt.tiny().words.with_special("<one more>")
    (folder / "tokenizer.json").write_text(words.content)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: change(f, model_type="bert"), ["'bert'", "vilt"]),
        (lambda f: change(f, id2label={"1": "red"}), ["id2label", "config.json"]),
        (lambda f: change(f, id2label={"0": "red"}), ["classifier.3.bias"]),
        (lambda f: change(f, image_size=[16, 24]), ["image_size", "square"]),
        (lambda f: change(f, max_position_embeddings=2), ["max_position_embeddings"]),
        (one_more_word, ["20 tokens for 19 embeddings"]),
        (lambda f: rewrite(f, more=torch.zeros(2)), ["unknown tensors: more"]),
        (lambda f: (f / WEIGHTS).rename(f / "pytorch_model.bin"), ["pytorch_model.bin"]),
        (no_begin, ["[CLS]"]),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, damage, words: list[str]) -> None:
    tiny_vilt.saved(tmp_path)
    damage(tmp_path)
    with pytest.raises(UserError) as caught:
        load(tmp_path)
    assert all(word in str(caught.value) for word in words), str(caught.value)
