"""From nothing, or from a base of this project, to the base that a study starts from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

import families
import tiny_llava
import tiny_model
from continual_vqa.backbones.folder import read_base
from continual_vqa.backbones.llava import Llava
from continual_vqa.config.backbone import BackboneConfig
from continual_vqa.errors import UserError
from continual_vqa.training.pretrain import PretrainFiles, PretrainSettings, pretrain

CPU = torch.device("cpu")


def make(out: Path, backbone: BackboneConfig, *texts: Path) -> Llava:
    files = PretrainFiles(None, None, texts, None, out / "scratch", out / "base")
    pretrain(files, PretrainSettings(backbone=backbone), 0, CPU)
    model = read_base(out / "base")[0].eval()
    assert isinstance(model, Llava)
    return model


@pytest.fixture
def plain(tmp_path: Path) -> BackboneConfig:
    """A config that starts from a base without factors."""
    texts = tmp_path / "questions.json"
    texts.write_text(json.dumps({"questions": [{"question": q} for q in families.QUESTIONS]}))
    config = tiny_llava.config(rank=0).model_copy(update={"folder": ""})
    model = make(tmp_path / "plain", config, texts)
    assert model.factors is None and "<image>" in model.words.content
    folder = str(tmp_path / "plain" / "base")
    return tiny_llava.config().model_copy(update={"folder": folder})


def test_a_study_adds_fresh_factors_to_a_base(tmp_path: Path, plain: BackboneConfig) -> None:
    before = read_base(plain.folder)[0].eval()
    model = make(tmp_path / "study", plain)
    assert model.factors is not None and model.factors.rank == 4
    batch = families.batch(model, np.arange(3))
    assert torch.equal(model.logits(batch), before.logits(batch))


def test_a_base_of_another_family_is_refused(tmp_path: Path, plain: BackboneConfig) -> None:
    tiny_model.base_folder(tmp_path / "t5")
    with pytest.raises(UserError, match="family t5_vision"):
        make(tmp_path / "x", plain.model_copy(update={"folder": str(tmp_path / "t5")}))


def test_the_shipped_base_is_that_of_its_config(repository: Path) -> None:
    config = yaml.safe_load((repository / "config" / "base-llava.yaml").read_text())["backbone"]
    shipped = json.loads(
        (repository / "config" / "bases" / "miniature-llava" / "config.json").read_text()
    )
    sizes = BackboneConfig.model_validate(config).llava
    assert shipped["template"] == sizes.template and shipped["lora"] is None
    text, tower = (shipped["transformers"][f"{part}_config"] for part in ("text", "vision"))
    assert (text["hidden_size"], text["num_hidden_layers"]) == (sizes.hidden_size, sizes.layers)
    assert tower["num_hidden_layers"] == sizes.vision_layers
