from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import tiny_model
from continual_vqa.backbones.tensor_file import read_tensors, write_tensors
from continual_vqa.errors import UserError
from continual_vqa.training.checkpoint import load_checkpoint, write_checkpoint

BASE = "b" * 64


@pytest.fixture
def path(tmp_path: Path) -> Path:
    model = tiny_model.tiny(seed=1)
    write_checkpoint(
        tmp_path / "model.safetensors",
        dict(model.named_parameters()),
        model,
        base_sha256=BASE,
        recipe={"tune": "full"},
        stage="seed-0/02-color-abc",
        task="color",
        step=2,
    )
    return tmp_path / "model.safetensors"


def test_a_checkpoint_comes_back(path: Path) -> None:
    model, other = tiny_model.tiny(seed=1), tiny_model.tiny(seed=2)
    header = load_checkpoint(path, other, BASE)
    for mine, loaded in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, loaded)
    assert (header["step"], header["stage"]) == ("2", "seed-0/02-color-abc")
    assert json.loads(header["recipe"]) == {"tune": "full"}
    assert set(json.loads(header["parts"]).values()) == {"vision", "language"}


def rewrite(path: Path, change) -> None:
    metadata, tensors = read_tensors(path)
    change(metadata, tensors)
    write_tensors(path, tensors, metadata)


def rename(metadata, tensors) -> None:
    parts = json.loads(metadata["parts"])
    parts["text.new.weight"] = parts.pop("text.shared.weight")
    metadata["parts"] = json.dumps(parts)
    tensors["text.new.weight"] = tensors.pop("text.shared.weight")


def widen(metadata, tensors) -> None:
    tensors["text.shared.weight"] = tensors["text.shared.weight"][:, :-1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (rename, ["unknown tensors: text.new.weight"]),
        (widen, ["other shapes", "text.shared.weight", "31"]),
        (
            lambda metadata, tensors: tensors.pop("text.shared.weight"),
            ["header and tensors differ"],
        ),
        (lambda metadata, tensors: metadata.update(parts="x"), ["parts are unreadable"]),
        (lambda metadata, tensors: metadata.update(format="other"), ["'other'"]),
        (lambda metadata, tensors: metadata.update(base_sha256="c" * 64), ["cccccccccccc", "bbbb"]),
    ],
)
def test_what_does_not_belong_is_refused(path: Path, change, words: list[str]) -> None:
    rewrite(path, change)
    model = tiny_model.tiny(seed=2)
    before = [p.clone() for p in model.parameters()]
    with pytest.raises(UserError) as caught:
        load_checkpoint(path, model, BASE)
    assert str(path) in str(caught.value)
    assert all(word in str(caught.value) for word in words)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
