"""Laws of every language model that reads visual tokens in its prompt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import families
import tiny_llava
import tiny_paligemma
from continual_vqa.backbones.base import Batch, parts
from continual_vqa.backbones.decoder import PROJECTOR, Decoder
from continual_vqa.backbones.folder import read_base, write_base
from continual_vqa.methods.parameters import trained_names, trained_parameters

THREE = np.arange(3)
Tiny = Callable[..., Decoder]


@pytest.fixture(params=[tiny_llava.tiny, tiny_paligemma.tiny], ids=["llava", "paligemma"])
def tiny(request: pytest.FixtureRequest) -> Tiny:
    return request.param


def gradients(model: Decoder, batch: Batch) -> dict[str, torch.Tensor]:
    parameters = trained_parameters(model, "default")
    model.losses(batch).sum().backward()
    return {n: parameters.gradient[place].clone() for n, place in parameters.slices().items()}


def projector_of(model: Decoder) -> torch.nn.Module:
    return model.net.model.multi_modal_projector


def test_factors_and_projector_are_trained_by_default_and_all_get_a_gradient(tiny: Tiny) -> None:
    model = tiny()
    found = gradients(model, families.batch(model, THREE))
    assert all(gradient.abs().sum() > 0 for gradient in found.values())
    assert {model.part_of(name) for name in found} == {"vision", "language"}
    assert sum("lora_A" in name for name in found) == 2 * 7
    projector = {f"{PROJECTOR}{name}" for name, _ in projector_of(model).named_parameters()}
    assert projector and projector <= found.keys()
    assert len(found) == 2 * 2 * 7 + len(projector)


def test_every_parameter_has_one_name_and_a_part(tiny: Tiny) -> None:
    model = tiny()
    named = parts(model)
    assert len(named) == len(list(model.parameters()))
    assert all(part == "vision" for name, part in named.items() if "vision_tower" in name)
    assert all(part == "language" for name, part in named.items() if "language_model" in name)
    assert set(trained_names(model, "full")) == {name for name in named if ".lora_" not in name}
    assert trained_names(tiny(rank=0), "default") == sorted(parts(tiny(rank=0)))


def test_factors_go_where_the_config_says(tiny: Tiny) -> None:
    model = tiny(lora={"targets": ("q_proj", "down_proj"), "vision_tower": True})
    factors = {name for name in model.low_rank() if "lora_A" in name}
    assert sum("language_model" in name for name in factors) == 2 * 2
    assert sum("vision_tower" in name for name in factors) == 2 * 6


def test_fresh_factors_change_nothing(tiny: Tiny) -> None:
    plain, fresh = tiny(rank=0), tiny(fresh=True)
    batch = families.batch(plain, THREE)
    assert torch.equal(plain.logits(batch), fresh.logits(batch))
    assert not torch.allclose(plain.logits(batch), tiny().logits(batch))


def test_a_sample_does_not_depend_on_its_batch(tiny: Tiny) -> None:
    model = tiny()
    together = families.batch(model, THREE)
    logits = model.logits(together)
    ids, totals = model.generate(together, beams=3, length=4)
    for number in THREE:
        alone = families.batch(model, np.array([number]))
        assert alone.answers is not None and together.answers is not None
        own = model.logits(alone)
        torch.testing.assert_close(own[0], logits[number, : own.shape[1]], rtol=1e-4, atol=1e-5)
        answer, total = model.generate(alone, beams=3, length=4)
        assert torch.equal(answer[0], ids[number])
        torch.testing.assert_close(total[0], totals[number], rtol=1e-4, atol=1e-5)
    assert len({len(row) for row in model.question_tokens(families.QUESTIONS)}) > 1


def test_the_image_decides(tiny: Tiny) -> None:
    model = tiny()
    batch = families.batch(model, THREE)
    other = Batch(255 - batch.visual, batch.questions, batch.mask, batch.answers)
    assert (model.losses(batch) - model.losses(other)).abs().min() > 1e-6


def test_only_the_answer_and_its_end_count(tiny: Tiny) -> None:
    model = tiny()
    batch = families.batch(model, THREE)
    answers = batch.answers
    assert answers is not None
    logs = model.logits(batch).log_softmax(-1)
    for row, tokens, loss in zip(logs, answers.tolist(), model.losses(batch), strict=True):
        real = [token for token in tokens if token != model.words.pad]
        assert real[-1] == model.words.end and len(set(real)) == len(real)
        expected = -sum(row[i, token] for i, token in enumerate(real)) / len(real)
        torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize("beams", [1, 3])
def test_a_score_is_the_log_probability_of_its_answer(tiny: Tiny, beams: int) -> None:
    model = tiny()
    batch = families.batch(model, THREE)
    ids, totals = model.generate(batch, beams=beams, length=4)
    expected = []
    for number, row in enumerate(ids):
        stop = row.tolist().index(model.words.end) + 1 if model.words.end in row else len(row)
        answer = [row[:stop].numpy()]
        prompt = batch.questions[number][batch.mask[number]]
        again = Batch(
            batch.visual[number : number + 1],
            prompt[None],
            torch.ones_like(prompt[None], dtype=torch.bool),
            torch.from_numpy(np.stack(answer)),
        )
        with torch.inference_mode():
            logs = model.logits(again).log_softmax(-1)
        expected.append(logs[0, torch.arange(stop), row[:stop]].sum().item())
    np.testing.assert_allclose(totals, expected, rtol=1e-4)


def test_samples_are_those_of_the_general_way(tiny: Tiny) -> None:
    model = tiny()
    batch = families.batch(model, THREE)
    uniforms = torch.rand(3, 4, generator=torch.Generator().manual_seed(1))
    expected = super(Decoder, model).sample(batch, uniforms)
    assert torch.equal(model.sample(batch, uniforms), expected)


def test_computing_layers_again_gives_the_same_gradients(tiny: Tiny) -> None:
    plain, again = tiny().train(), tiny(checkpointing=True).train()
    batch = families.batch(plain, THREE)
    calls = []
    again.net.lm_head.register_forward_pre_hook(lambda *_: calls.append("head"))
    layer: Any = again.net.model.language_model.layers[0]
    layer.self_attn.register_forward_pre_hook(lambda *_: calls.append("layer"))
    expected, found = gradients(plain, batch), gradients(again, batch)
    assert calls == ["layer", "head", "layer"]
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient)


def test_frozen_weights_in_bf16_keep_what_is_trained_in_fp32(tiny: Tiny) -> None:
    exact, rough = tiny(), tiny(dtype="bf16")
    trained = set(rough.low_rank())
    kinds = {(n in trained): p.dtype for n, p in rough.named_parameters()}
    assert kinds == {True: torch.float32, False: torch.bfloat16}
    batch = families.batch(exact, THREE)
    torch.testing.assert_close(rough.losses(batch), exact.losses(batch), rtol=0.05, atol=0.05)
    assert all(g.abs().sum() > 0 for g in gradients(rough, batch).values())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(exact.losses(batch), rough.losses(batch), rtol=0.05, atol=0.05)


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_a_base_folder_holds_everything(tiny: Tiny, tmp_path: Path, dtype: str) -> None:
    model = tiny(dtype=dtype, lora={"dropout": 0.1})
    digest = write_base(tmp_path / "one", model)
    again, read = read_base(tmp_path / "one")
    assert isinstance(again, Decoder) and read == digest
    assert (again.vision, again.default_tune) == (model.vision, "lora")
    batch = families.batch(model, THREE)
    assert torch.equal(again.eval().logits(batch), model.logits(batch))
    assert write_base(tmp_path / "two", again) == digest
    assert "transformers_version" not in (tmp_path / "one" / "config.json").read_text()


def test_building_is_a_function_of_the_seed(tiny: Tiny) -> None:
    one, same, other = (tiny(seed, fresh=True) for seed in (1, 1, 2))
    pairs = zip(one.parameters(), same.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(one.net.lm_head.weight, other.net.lm_head.weight)
