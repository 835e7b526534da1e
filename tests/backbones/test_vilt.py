"""ViLT against transformers' own network, its answers, its loss, and what of it is trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import families
import tiny_model
import tiny_vilt
from continual_vqa.backbones.base import Batch, parts
from continual_vqa.backbones.classes import NONE
from continual_vqa.backbones.folder import read_base, write_base
from continual_vqa.backbones.lora_layer import is_factor
from continual_vqa.backbones.vilt import HEAD, Vilt, build
from continual_vqa.config.importance import ImportanceConfig
from continual_vqa.consolidation.importance import ImportanceSums
from continual_vqa.errors import UserError
from continual_vqa.methods.parameters import trained_names, trained_parameters

SIX = np.arange(6)
CLOSE = {"rtol": 0.0, "atol": 1e-5}


@pytest.fixture(scope="module")
def model() -> Vilt:
    """A model whose answers depend on all that it reads."""
    model = tiny_vilt.tiny()
    model.net.load_state_dict(tiny_vilt.stock().state_dict())
    return model


def stock_inputs(model: Vilt, batch: Batch) -> dict[str, Tensor]:
    pixels = (batch.visual.permute(0, 3, 1, 2) / 255.0 - 0.5) / 0.5
    mask = batch.mask.long()
    return {"input_ids": batch.questions, "attention_mask": mask, "pixel_values": pixels}


def test_logits_and_loss_are_those_of_transformers(model: Vilt) -> None:
    batch = families.batch(model, SIX)
    assert not batch.mask.all()
    with torch.no_grad():
        stock = model.net(**stock_inputs(model, batch), labels=batch.labels)
        logits = model.logits(batch)
    assert logits.shape == (6, 1, len(tiny_vilt.LIST)) and logits.std() > 0.1
    torch.testing.assert_close(logits[:, 0], stock.logits, **CLOSE)
    torch.testing.assert_close(model.losses(batch, logits).mean(), stock.loss)


def test_pixels_are_scaled_as_by_the_stock_processor(model: Vilt) -> None:
    from transformers.models.vilt.image_processing_pil_vilt import ViltImageProcessorPil

    scaling = model.processor()
    stock = ViltImageProcessorPil(
        do_resize=False, image_mean=scaling["image_mean"], image_std=scaling["image_std"]
    )
    batch = families.batch(model, SIX[:1])
    expected = stock(list(batch.visual.numpy()), return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(stock_inputs(model, batch)["pixel_values"], expected, **CLOSE)


def test_a_sample_does_not_depend_on_its_batch(model: Vilt) -> None:
    together = model.logits(families.batch(model, SIX))
    for number in SIX:
        alone = model.logits(families.batch(model, np.array([number])))
        torch.testing.assert_close(alone[0], together[number], **CLOSE)


def test_words_and_pixels_decide(model: Vilt) -> None:
    batch = families.batch(model, SIX)
    logits = model.logits(batch)
    inverted = replace(batch, visual=255 - batch.visual)
    assert (model.logits(inverted) - logits).abs().amax((1, 2)).min() > 1e-3
    questions = batch.questions.clone()
    questions[:, 1] = model.words.unknown
    other = replace(batch, questions=questions)
    assert (model.logits(other) - logits).abs().amax((1, 2)).min() > 1e-3


def test_the_place_of_a_patch_counts(model: Vilt) -> None:
    batch = families.batch(model, SIX)
    turned = replace(batch, visual=batch.visual.flip(1, 2))
    assert (model.logits(turned) - model.logits(batch)).abs().amax((1, 2)).min() > 1e-3


def test_no_random_number_is_drawn(model: Vilt) -> None:
    batch = families.batch(model, SIX)
    before = torch.get_rng_state()
    model.train()
    first = model.logits(batch)
    model.eval()
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(model.logits(batch), first)


def test_dropout_acts_while_training() -> None:
    model = tiny_vilt.tiny(dropout=0.5)
    batch = families.batch(model, SIX)
    assert torch.equal(model.logits(batch), model.logits(batch))
    model.train()
    assert not torch.equal(model.logits(batch), model.logits(batch))


def test_a_question_stands_between_marks_and_is_cut_to_its_room(model: Vilt) -> None:
    begin, end = model.words.special("[CLS]"), model.words.end
    (short, long) = model.question_tokens(["what color?", "what color is the left side " * 9])
    assert short[0] == begin and short[-1] == end and len(short) == 5
    assert len(long) == 12 and long[-1] == end
    assert torch.isfinite(model.logits(families.batch(model, SIX))).all()


def test_the_loss_is_the_sum_over_the_list(model: Vilt) -> None:
    batch = families.batch(model, SIX)
    assert batch.labels is not None
    scores = model.logits(batch)[:, 0].double().sigmoid()
    expected = -(batch.labels * scores.log() + (1 - batch.labels) * (1 - scores).log()).sum(1)
    torch.testing.assert_close(model.losses(batch).double(), expected)
    torch.testing.assert_close(model.log_likelihoods(batch).double(), -expected)
    nothing = replace(batch, labels=torch.zeros_like(batch.labels))
    torch.testing.assert_close(model.losses(nothing).double(), -(1 - scores).log().sum(1))


def test_without_labels_one_answer_is_right(model: Vilt) -> None:
    batch = replace(families.batch(model, SIX), labels=None)
    assert batch.answers is not None
    logits = model.logits(batch)[:, 0].double()
    expected = logits.log_softmax(1).gather(1, batch.answers)[:, 0]
    torch.testing.assert_close(model.log_likelihoods(batch).double(), expected)
    # The independent answers' odds, given that exactly one of them is right.
    scores = logits.sigmoid()
    alone = scores / (1 - scores) * (1 - scores).prod(1, keepdim=True)
    torch.testing.assert_close((alone / alone.sum(1, keepdim=True)).log(), logits.log_softmax(1))
    none = replace(batch, answers=torch.full_like(batch.answers, NONE))
    assert not model.losses(none).any()


def test_the_likeliest_answer_is_given_with_its_log_probability(model: Vilt) -> None:
    batch = families.batch(model, SIX)
    with torch.no_grad():
        logs = model.logits(batch)[:, 0].log_softmax(1)
    for beams in (1, 3):
        ids, totals = model.generate(batch, beams=beams, length=4)
        assert torch.equal(ids[:, 0], logs.argmax(1)) and ids.shape == (6, 1)
        torch.testing.assert_close(totals, logs.amax(1))
    assert model.answer_texts(ids.tolist()) == [tiny_vilt.LIST[n] for n in logs.argmax(1)]


def test_every_parameter_has_a_part(model: Vilt) -> None:
    named = parts(model)
    seen = {name.removeprefix("net.vilt.embeddings.") for name, p in named.items() if p == "vision"}
    assert seen == {
        "cls_token",
        "position_embeddings",
        "patch_embeddings.projection.weight",
        "patch_embeddings.projection.bias",
        "token_type_embeddings.weight",
    }
    assert sorted(named) == trained_names(model, "default") == trained_names(model, "full")


def test_low_rank_tuning_trains_the_factors_and_the_head() -> None:
    model = tiny_vilt.low_rank()
    parameters = trained_parameters(model, "lora")
    model.losses(families.batch(model, SIX)).sum().backward()
    found = {n: parameters.gradient[place] for n, place in parameters.slices().items()}
    assert all(gradient.any() for gradient in found.values())
    head = {name for name in found if name.startswith(HEAD)}
    # Six linear layers in each of two layers; the head has two linear layers and a norm.
    assert len(head) == 6 and len(found) == 6 + 2 * 2 * 6
    assert all(is_factor(name) for name in found.keys() - head)


def test_the_head_alone_is_trained() -> None:
    model = tiny_vilt.tiny()
    assert trained_names(model, "head") == sorted(model.heads())
    with pytest.raises(UserError, match="writes its answers"):
        trained_names(tiny_model.tiny(), "head")


def test_fresh_factors_change_nothing_and_go_where_the_config_says() -> None:
    plain, fresh = tiny_vilt.tiny(), tiny_vilt.low_rank(fresh=True, targets=("query", "value"))
    batch = families.batch(plain, SIX)
    assert torch.equal(plain.logits(batch), fresh.logits(batch))
    assert sum(".lora_A." in name for name in fresh.low_rank()) == 2 * 2
    with pytest.raises(UserError, match="dense, key, query, value"):
        tiny_vilt.low_rank(targets=("q_proj",))


@pytest.mark.parametrize("tiny", [tiny_vilt.tiny, tiny_vilt.low_rank])
def test_a_base_folder_holds_everything(tiny, tmp_path: Path) -> None:
    model = tiny()
    digest = write_base(tmp_path / "one", model)
    again, read = read_base(tmp_path / "one")
    batch = families.batch(model, SIX)
    assert isinstance(again, Vilt) and read == digest and again.describe() == model.describe()
    assert again.classes.texts == tiny_vilt.LIST and again.vision == model.vision
    assert torch.equal(again.eval().logits(batch), model.logits(batch))
    assert write_base(tmp_path / "two", again) == digest
    assert "transformers_version" not in (tmp_path / "one" / "config.json").read_text()


def test_building_is_a_function_of_the_seed() -> None:
    one, same, other = (tiny_vilt.tiny(seed) for seed in (1, 1, 2))
    pairs = zip(one.parameters(), same.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(one.net.vilt.pooler.dense.weight, other.net.vilt.pooler.dense.weight)


def test_a_new_model_expects_little_of_every_answer() -> None:
    answers = [f"answer {number}" for number in range(1000)]
    model = build(tiny_vilt.config(), tiny_model.words(), 0, answers).eval()
    numbers = np.arange(3)
    visual = np.stack([families._picture(model, number) for number in numbers])
    batch = model.batch(visual, model.question_tokens(families.QUESTIONS))
    assert 0.0002 < model.logits(batch).sigmoid().mean() < 0.005


def test_a_model_without_answers_is_refused() -> None:
    with pytest.raises(UserError, match="no answer to choose from"):
        build(tiny_vilt.config(), tiny_model.words(), 0)


@pytest.mark.parametrize("tiny", [tiny_vilt.tiny, tiny_vilt.low_rank])
def test_fisher_of_labels_is_the_squared_gradient_of_each_sample(tiny) -> None:
    model = tiny().double()
    batch = families.batch(model, SIX)
    names = trained_names(model, "default")
    measured = ImportanceSums(model, names, ImportanceConfig())
    measured.add(batch)
    assert measured.one_by_one == frozenset()
    own = dict(model.named_parameters())
    expected = {name: torch.zeros_like(own[name]) for name in names}
    for number in SIX:
        alone = batch.take(torch.tensor([number]))
        found = torch.autograd.grad(model.losses(alone).sum(), [own[name] for name in names])
        for name, gradient in zip(names, found, strict=True):
            expected[name] += gradient.square()
    for name, total in expected.items():
        close = {"rtol": 0.0, "atol": 1e-5 * float(total.max()) + 1e-12}
        torch.testing.assert_close(measured.sums[name], total, **close)
