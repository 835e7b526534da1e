"""What is PaliGemma's own: who sees whom, its scales, its prompt, and transformers' answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import families
import tiny_decoder
import tiny_llava
import tiny_model
import tiny_paligemma
from continual_vqa.backbones.base import Batch
from continual_vqa.backbones.beam import beam_search
from continual_vqa.backbones.decoder import Decoder
from continual_vqa.backbones.paligemma import PaliGemma, build
from continual_vqa.errors import UserError

THREE = np.arange(3)


@pytest.fixture(scope="module")
def model() -> PaliGemma:
    return tiny_paligemma.tiny()


def with_answers(batch: Batch, answers: Tensor) -> Batch:
    return replace(batch, answers=answers)


def states(model: Decoder, batch: Batch) -> Tensor:
    """States of all prompt and answer tokens."""
    assert batch.answers is not None
    prompt, given = model.embedded(batch), model.lookup(batch.answers)
    mask = torch.cat([batch.mask, torch.ones_like(batch.answers, dtype=torch.bool)], 1)
    return model.read(torch.cat([prompt, given], 1), mask, prompt.shape[1])


def changed(found: Tensor, other: Tensor) -> list[bool]:
    """For each column (B, S, D), whether any state differs."""
    return ((found - other).abs().amax((0, 2)) > 1e-6).tolist()


@pytest.mark.parametrize(
    ("tiny", "mutual"), [(tiny_paligemma.tiny, True), (tiny_llava.tiny, False)]
)
def test_prompt_tokens_see_each_other_in_paligemma_alone(tiny: Any, mutual: bool) -> None:
    model = tiny()
    batch = families.batch(model, np.array([0]))
    length = batch.questions.shape[1]
    questions = batch.questions.clone()
    questions[:, -2] = model.words.unknown
    other = replace(batch, questions=questions)
    found = changed(states(model, batch), states(model, other))
    assert found[: length - 2] == [mutual] * (length - 2)
    assert all(found[length - 2 :])


def test_an_answer_token_is_seen_by_those_behind_it_alone(model: PaliGemma) -> None:
    batch = families.batch(model, np.array([0]))
    answers = torch.tensor([[3, 4, 5, 6]])
    one = with_answers(batch, answers)
    found, logits = states(model, one), model.logits(one)
    for place in range(4):
        changes = answers.clone()
        changes[:, place] = 9
        other = with_answers(batch, changes)
        length = batch.questions.shape[1]
        expected = [column >= length + place for column in range(length + 4)]
        assert changed(found, states(model, other)) == expected
        # Logits of a token are read off the one before it: those up to `place` stay.
        assert changed(logits, model.logits(other)) == [column > place for column in range(4)]


def test_tokens_and_pixels_enter_at_the_scales_of_transformers(model: PaliGemma) -> None:
    batch = families.batch(model, THREE)
    table = model.net.model.language_model.embed_tokens.weight
    width = table.shape[1]
    torch.testing.assert_close(model.lookup(batch.questions), table[batch.questions] * width**0.5)
    pixels = batch.visual.permute(0, 3, 1, 2) / 127.5 - 1
    expected = model.net.get_image_features(pixels).pooler_output
    torch.testing.assert_close(model.see(batch.visual), expected)
    assert expected.shape == (3, 4, width)


def test_a_new_model_begins_with_states_and_logits_of_one_scale() -> None:
    sizes = {"hidden_size": 64, "heads": 2, "intermediate_size": 64}
    model = tiny_paligemma.tiny(rank=0, **sizes)
    batch = families.batch(model, THREE)
    assert 0.8 < model.lookup(batch.questions).std() < 1.2
    assert 0.5 < model.logits(batch).std() < 2


def test_the_head_is_the_token_table_and_named_once(model: PaliGemma) -> None:
    assert model.net.lm_head.weight is model.net.model.language_model.embed_tokens.weight
    assert [n for n, _ in model.named_parameters() if "embed_tokens" in n or "lm_head" in n] == [
        "net.model.language_model.embed_tokens.weight"
    ]


class Recomputing:
    """Beams without a cache: every step reads the prompt and all tokens again."""

    def __init__(self, model: PaliGemma, batch: Batch, beams: int) -> None:
        self._model, self._beams = model, beams
        self._batch = Batch(*(x.repeat_interleave(beams, 0) for x in self._inputs(batch)))
        self._given = batch.questions.new_zeros(len(self._batch.questions), 0)
        self._begun = False

    def _inputs(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        return batch.visual, batch.questions, batch.mask

    def step(self, tokens: Tensor) -> Tensor:
        if self._begun:
            self._given = torch.cat([self._given, tokens.reshape(-1, 1)], 1)
        self._begun = True
        room = torch.cat([self._given, torch.zeros_like(self._batch.questions[:, :1])], 1)
        logits = self._model.logits(with_answers(self._batch, room))[:, -1]
        return logits.view(*tokens.shape, -1)

    def reorder(self, rows: Tensor) -> None:
        self._given = self._given[rows]


@pytest.mark.parametrize("beams", [1, 3])
def test_answers_are_those_without_a_cache_and_those_of_transformers(beams: int) -> None:
    model = tiny_paligemma.tiny(rank=0)
    # Layers so large that answers differ; as it is made, the model repeats the last token.
    generator = torch.Generator().manual_seed(5)
    for name, parameter in sorted(model.named_parameters()):
        if "language_model.layers" in name:
            parameter.data.normal_(0.0, 0.5, generator=generator)
    batch = families.batch(model, THREE)
    ids, totals = model.generate(batch, beams=beams, length=5)
    again = Recomputing(model, batch, beams)
    with torch.inference_mode():
        expected = beam_search(
            again.step, again.reorder, 3, beams=beams, length=5, start=model.words.pad,
            end=model.words.end, device=ids.device,
        )  # fmt: skip
    assert torch.equal(ids, expected[0])
    torch.testing.assert_close(totals, expected[1], rtol=1e-4, atol=1e-5)
    for number, row in enumerate(ids):
        inputs = tiny_decoder.stock_inputs(model, number)
        prompt = families.batch(model, np.array([number])).questions.shape[1]
        own = {name: x if name == "pixel_values" else x[:, :prompt] for name, x in inputs.items()}
        stock = model.net.generate(
            **own, num_beams=beams, do_sample=False, max_new_tokens=5, early_stopping=False,
            eos_token_id=model.words.end, pad_token_id=model.words.end,
        )[0, prompt:]  # fmt: skip
        assert torch.equal(row[: len(stock)], stock)
        assert (row[len(stock) :] == model.words.end).all()
    assert len({tuple(row) for row in ids.tolist()}) == 3


def test_prompt_pixels_and_loss_are_those_of_the_stock_processor() -> None:
    from tokenizers import Tokenizer
    from transformers.models.paligemma.processing_paligemma import PaliGemmaProcessor
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
    from transformers.tokenization_utils_tokenizers import PreTrainedTokenizerFast

    chosen = tiny_paligemma.config(rank=0, template="<image><bos>what {question}\n")
    model = build(chosen, tiny_model.words(), 0).eval()
    side = {"height": 16, "width": 16}
    pictures = SiglipImageProcessorPil(
        size=side, image_mean=[0.5] * 3, image_std=[0.5] * 3, image_seq_length=4
    )
    pictures.image_seq_length = 4
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(model.words.content),
        bos_token="<bos>", eos_token="</s>", pad_token="<pad>",
    )  # fmt: skip
    processor = PaliGemmaProcessor(pictures, tokenizer)
    pixels = torch.randint(0, 256, (16, 16, 3), dtype=torch.uint8)
    question, answer = "color is the left side?", "light blue"
    stock = processor(
        images=Image.fromarray(pixels.numpy()), text=f"<image>what {question}", suffix=answer,
        add_special_tokens=False,
    )  # fmt: skip
    stock = {name: torch.as_tensor(np.stack(value)) for name, value in stock.items()}
    own = model.batch(
        pixels[None].numpy(), model.question_tokens([question]), model.words.encode([answer])
    )
    assert own.answers is not None
    whole = torch.cat([own.questions, own.answers], 1)
    assert torch.equal(whole, stock["input_ids"])
    scaled = (own.visual.permute(0, 3, 1, 2) / 255.0 - model.mean) / model.std
    torch.testing.assert_close(scaled, stock["pixel_values"])
    with torch.no_grad():
        expected = model.net(**stock).loss
    torch.testing.assert_close(model.losses(own)[0], expected)


def test_the_projector_is_trained_unless_the_config_says_otherwise(model: PaliGemma) -> None:
    assert sum("projector" in name for name in model.low_rank()) == 2
    alone = tiny_paligemma.tiny(lora={"projector": False}, dtype="bf16")
    assert all(".lora_" in name for name in alone.low_rank())
    projector = alone.net.model.multi_modal_projector.linear.weight
    assert projector.dtype == torch.bfloat16
    assert torch.isfinite(alone.losses(families.batch(alone, THREE))).all()


def test_a_tokenizer_without_the_mark_of_a_beginning_is_refused(model: PaliGemma) -> None:
    words = tiny_model.words().with_special("<image>").with_special("<one more>")
    with pytest.raises(UserError, match="<bos>"):
        PaliGemma(model.net, words, model.looks, "fp32")
