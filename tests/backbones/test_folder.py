from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import tiny_model
from continual_vqa.backbones.folder import read_base, write_base
from continual_vqa.backbones.tensor_file import read_tensors, write_tensors
from continual_vqa.errors import UserError


@pytest.mark.parametrize(
    "vision", [tiny_model.PATCHES, tiny_model.REGIONS], ids=lambda vision: vision.kind
)
def test_a_base_comes_back_as_it_was(tmp_path: Path, vision) -> None:
    model = tiny_model.tiny(vision)
    digest = write_base(tmp_path / "base", model)
    again, found = read_base(tmp_path / "base")
    assert found == digest
    assert again.describe() == model.describe()
    tensors = dict(again.named_parameters())
    assert all(torch.equal(t, tensors[name]) for name, t in model.named_parameters())
    assert again.words.decode([[3, 4, 1]]) == model.words.decode([[3, 4, 1]])


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_base(tmp_path / name, tiny_model.tiny())
    for file in ("config.json", "tokenizer.json", "model.safetensors"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_the_hash_names_weights_and_words(tmp_path: Path) -> None:
    digests = {write_base(tmp_path / str(s), tiny_model.tiny(seed=s)) for s in (0, 1)}
    assert len(digests) == 2


def test_tensors_are_written_as_stock_safetensors_reads_them(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    tensors = {
        "b": torch.arange(6, dtype=torch.float32).view(2, 3).t(),
        "a": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
        "empty": torch.zeros(0, 4),
        "scalar": torch.tensor(7),
    }
    write_tensors(tmp_path / "x.safetensors", tensors, {"one": "1", "two": "é"})
    stock = load_file(tmp_path / "x.safetensors")
    metadata, own = read_tensors(tmp_path / "x.safetensors")
    assert metadata == {"one": "1", "two": "é"}
    assert stock.keys() == own.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert torch.equal(stock[name], tensor)
        assert torch.equal(own[name], tensor)
        assert own[name].dtype == tensor.dtype


def damage_config(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "family": "t5"}))


def damage_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-9])


def drop_tensor(folder: Path) -> None:
    metadata, tensors = read_tensors(folder / "model.safetensors")
    tensors["text.extra.weight"] = tensors.pop("text.shared.weight")
    write_tensors(folder / "model.safetensors", tensors, metadata)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (damage_config, ["config.json", "does not belong"]),
        (damage_weights, ["model.safetensors", "damaged"]),
        (drop_tensor, ["missing tensors: text.shared.weight", "unknown tensors: text.extra"]),
        (lambda folder: (folder / "tokenizer.json").unlink(), ["tokenizer.json"]),
        (lambda folder: (folder / "config.json").write_text("{}"), ["not a base folder"]),
    ],
)
def test_a_damaged_base_is_refused(tmp_path: Path, damage, words: list[str]) -> None:
    tiny_model.base_folder(tmp_path / "base")
    damage(tmp_path / "base")
    with pytest.raises(UserError) as caught:
        read_base(tmp_path / "base")
    assert all(word in str(caught.value) for word in words)


def test_pickles_are_never_read(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x02")
    with pytest.raises(UserError, match="pickled"):
        read_tensors(tmp_path / "pytorch_model.bin")
