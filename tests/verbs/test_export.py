from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import families
import tiny_decoder
import tiny_llava
import tiny_model
import tiny_vilt
from continual_vqa.backbones.folder import write_base
from continual_vqa.backbones.llava import Llava
from continual_vqa.cli import main
from continual_vqa.methods.parameters import trained_names
from continual_vqa.training.checkpoint import write_checkpoint

# peft's releases trail transformers': what they still call is none of ours.
pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.*:FutureWarning")


def stage(folder: Path, tune: str) -> Llava:
    """A base in folder/base and a stage trained from it in folder/model.safetensors."""
    model = tiny_llava.tiny(fresh=True)
    digest = write_base(folder / "base", model)
    names = trained_names(model, tune)
    own = dict(model.named_parameters())
    with torch.no_grad():
        for name in names:
            own[name].add_(torch.empty_like(own[name]).normal_(0.0, 0.1))
    write_checkpoint(
        folder / "model.safetensors",
        {name: own[name].detach() for name in names},
        model,
        base_sha256=digest,
        recipe={},
        stage="s",
        task="color",
        step=1,
    )
    return model


def export(folder: Path, out: str, *options: str) -> int:
    base = ["export", "--base", str(folder / "base"), "--out", str(folder / out)]
    return main([*base, *options])


def test_a_stage_is_an_adapter_on_the_exported_base(tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers.models.llava.modeling_llava import LlavaForConditionalGeneration

    model = stage(tmp_path, "lora")
    checkpoint = str(tmp_path / "model.safetensors")
    assert export(tmp_path, "stock", "--what", "model") == 0
    assert export(tmp_path, "adapter", "--model", checkpoint) == 0
    assert export(tmp_path, "whole", "--model", checkpoint, "--what", "model") == 0
    stock = LlavaForConditionalGeneration.from_pretrained(tmp_path / "stock").eval()
    peft = PeftModel.from_pretrained(stock, str(tmp_path / "adapter")).eval()
    tiny_decoder.assert_same_logits(peft, model)
    whole = LlavaForConditionalGeneration.from_pretrained(tmp_path / "whole").eval()
    tiny_decoder.assert_same_logits(whole, model)


def test_what_no_adapter_can_hold_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage(tmp_path, "full")
    checkpoint = str(tmp_path / "model.safetensors")
    assert export(tmp_path, "adapter", "--model", checkpoint) == 2
    assert "--what model" in capsys.readouterr().err
    assert export(tmp_path, "whole", "--model", checkpoint, "--what", "model") == 0
    assert export(tmp_path, "whole") == 2
    assert "exists already" in capsys.readouterr().err
    tiny_model.base_folder(tmp_path / "t5")
    assert main(["export", "--base", str(tmp_path / "t5"), "--out", str(tmp_path / "no")]) == 2
    assert "t5_vision" in capsys.readouterr().err


def test_a_vilt_is_exported_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from transformers.models.vilt.modeling_vilt import ViltForQuestionAnswering

    model = tiny_vilt.low_rank()
    write_base(tmp_path / "base", model)
    assert export(tmp_path, "adapter") == 2
    assert "--what adapter" in capsys.readouterr().err
    assert export(tmp_path, "whole", "--what", "model") == 0
    stock = ViltForQuestionAnswering.from_pretrained(tmp_path / "whole").eval()
    batch = families.batch(model, np.arange(4))
    pixels = (batch.visual.permute(0, 3, 1, 2) / 255.0 - model.mean) / model.std
    with torch.no_grad():
        found = stock(
            input_ids=batch.questions, attention_mask=batch.mask.long(), pixel_values=pixels
        ).logits
        expected = model.logits(batch)[:, 0]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_what_transformers_has_no_place_for_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from transformers.models.vilt.modeling_vilt import ViltForQuestionAnswering

    model = tiny_vilt.of_all_kinds()
    write_base(tmp_path / "base", model)
    assert export(tmp_path, "whole", "--what", "model", "--json") == 0
    left_out = json.loads(capsys.readouterr().out)["left_out"]
    assert left_out == [name for name in model.heads() if "extra" in name] != []
    stock = ViltForQuestionAnswering.from_pretrained(tmp_path / "whole").eval()
    tokens = model.question_tokens(["what color?"])
    batch = model.batch(np.full((1, 16, 16, 3), 90, np.uint8), tokens)
    pixels = (batch.visual.permute(0, 3, 1, 2) / 255.0 - model.mean) / model.std
    with torch.no_grad():
        found = stock(input_ids=batch.questions, pixel_values=pixels).logits
        expected = model.logits(batch)[:, 0, : len(model.classes)]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
