"""A config is believed as far as the tensors beside it reach."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tiny_model
from continual_vqa.backbones.folder import read_base
from continual_vqa.backbones.tensor_file import read_tensors, write_tensors
from continual_vqa.errors import UserError
from continual_vqa.files.hashing import sha256_file


def lie(folder: Path, **shape: object) -> Path:
    """A base folder whose config claims this, with the checksum of that config in its weights."""
    tiny_model.base_folder(folder)
    config = json.loads((folder / "config.json").read_text())
    config["shape"] |= shape
    (folder / "config.json").write_text(json.dumps(config))
    metadata, tensors = read_tensors(folder / "model.safetensors")
    metadata["config_sha256"] = sha256_file(folder / "config.json")
    write_tensors(folder / "model.safetensors", tensors, metadata)
    return folder


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ({"d_ff": 10**9}, "describes a model of [0-9,]+ weights; expected one of about the"),
        ({"d_model": 10**30}, "describes no model"),
        ({"encoder_layers": 10**9}, "encoder_layers is 1,000,000,000; expected no more than the"),
        ({"d_model": -1}, "describes no model"),
        ({"d_model": "wide"}, "describes no model"),
        ({"unknown": 1}, "describes no model"),
        ({"d_ff": 64}, "other shapes"),
    ],
)
def test_a_config_that_lies_is_refused(tmp_path: Path, shape: dict, message: str) -> None:
    folder = lie(tmp_path / "base", **shape)
    with pytest.raises(UserError, match=message):
        read_base(folder)


def test_an_honest_one_is_read(tmp_path: Path) -> None:
    model, _ = read_base(lie(tmp_path / "base"))
    assert not any(tensor.is_meta for tensor in model.parameters())
