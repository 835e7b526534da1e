"""ViLT's heads for choices and pairs, against transformers' own and against what was without."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import families
import tiny_model
import tiny_vilt
from continual_vqa.backbones.base import Batch
from continual_vqa.backbones.classifier import ABSENT
from continual_vqa.backbones.folder import read_base, write_base
from continual_vqa.backbones.prompts import Prompts
from continual_vqa.backbones.tokens import read_words
from continual_vqa.backbones.vilt import Vilt, build, from_folder
from continual_vqa.errors import UserError
from continual_vqa.methods.parameters import trained_names, trained_parameters

V, K = len(tiny_vilt.LIST), 3
NINE = np.arange(9)
CLOSE = {"rtol": 0.0, "atol": 1e-5}
CHOICES = ["red", "light blue", "white"]


@pytest.fixture(scope="module")
def model() -> Vilt:
    """A model whose answers depend on all that it reads."""
    model = tiny_vilt.of_all_kinds()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, 0.3, generator=generator)
    return model


def visual(model: Vilt, numbers: np.ndarray, *, pairs: bool = False) -> np.ndarray:
    first = np.stack([families._picture(model, number) for number in numbers])
    second = np.stack([families._picture(model, 50 + number) for number in numbers])
    return np.stack([first, second], 1) if pairs else first


def scaled(images: Tensor) -> Tensor:
    return (images.movedim(-1, -3) / 255.0 - 0.5) / 0.5


def choosing(model: Vilt, question: str, choices: list[str]) -> Batch:
    return Prompts(model, [question], [choices]).batch([0], visual(model, NINE[:1]))


def test_pairs_are_answered_as_by_transformers(model: Vilt) -> None:
    changes = {"modality_type_vocab_size": 3, "num_images": 2}
    stock = tiny_vilt.stock("ViltForImagesAndTextClassification", **changes)
    own = tiny_vilt.of_all_kinds()
    own.net.vilt.load_state_dict(stock.vilt.state_dict())
    own.extra_heads.pair.load_state_dict(stock.classifier.state_dict())
    seen = visual(own, np.arange(3), pairs=True)
    tokens = own.question_tokens(families.QUESTIONS)
    batch = own.batch(seen, tokens, pairs=np.ones(3, bool))
    assert not batch.mask.all()
    with torch.no_grad():
        expected = stock(
            input_ids=batch.questions,
            attention_mask=batch.mask.long(),
            pixel_values=scaled(batch.visual),
        ).logits
        found = own.logits(batch)[:, 0]
    assert expected.std() > 0.1
    torch.testing.assert_close(found[:, :V], expected, **CLOSE)
    assert (found[:, V:] == ABSENT).all()


def test_a_choice_is_scored_by_the_pooled_state_of_its_prompt(model: Vilt) -> None:
    stock = tiny_vilt.stock("ViltModel")
    own = tiny_vilt.of_all_kinds()
    state = stock.state_dict()
    table = state["embeddings.token_type_embeddings.weight"]
    state["embeddings.token_type_embeddings.weight"] = torch.cat([table, table[:1]])
    own.net.vilt.load_state_dict(state)
    batch = choosing(own, "what color?", CHOICES)
    with torch.no_grad():
        found = own.logits(batch)[0, 0]
        for place, choice in enumerate(CHOICES):
            (row,) = own.prompt_tokens([f"what color? {choice}"])
            pixels = scaled(batch.visual)
            pooled = stock(input_ids=torch.from_numpy(row)[None], pixel_values=pixels).pooler_output
            expected = F.linear(pooled, own.extra_heads.choice.weight)[0, 0]
            torch.testing.assert_close(found[V + place], expected, **CLOSE)
    assert (found[:V] == ABSENT).all() and found[V:].std() > 1e-3


def test_questions_of_all_kinds_do_not_see_each_other(model: Vilt) -> None:
    batch = families.batch(model, NINE)
    assert batch.questions.shape[:2] == (9, K) and batch.visual.shape[:2] == (9, 2)
    together = model.logits(batch)
    assert together.shape == (9, 1, V + K)
    for number in NINE:
        alone = model.logits(families.batch(model, np.array([number])))
        torch.testing.assert_close(alone[0], together[number], **CLOSE)
        taken = model.logits(batch.take(torch.tensor([number])))
        torch.testing.assert_close(taken[0], together[number], **CLOSE)
    losses = model.losses(batch)
    for some in ([8, 1, 4], [0, 3], [5]):
        torch.testing.assert_close(model.losses(batch.take(torch.tensor(some))), losses[some])


def test_what_a_question_does_not_offer_is_absent(model: Vilt) -> None:
    offered = (model.logits(families.batch(model, NINE))[:, 0] != ABSENT).tolist()
    for number, row in zip(NINE.tolist(), offered, strict=True):
        count = len(families.choices_of(number))
        assert row == [not count] * V + [place < count for place in range(K)]
    assert {len(families.choices_of(number)) for number in NINE} == {0, 2, 3}


@pytest.mark.parametrize("order", [[1, 0, 2], [2, 0, 1]])
def test_permuted_choices_permute_the_logits(model: Vilt, order: list[int]) -> None:
    logits = model.logits(choosing(model, "what color?", CHOICES))
    other = model.logits(choosing(model, "what color?", [CHOICES[n] for n in order]))
    torch.testing.assert_close(other[0, 0, V:], logits[0, 0, V:][order], **CLOSE)


def test_the_order_of_images_the_question_and_the_choice_count(model: Vilt) -> None:
    batch = families.batch(model, np.array([2, 5]))
    logits = model.logits(batch)
    swapped = replace(batch, visual=batch.visual.flip(1))
    assert (model.logits(swapped) - logits).abs().amax((1, 2)).min() > 1e-3
    first, other = (choosing(model, q, CHOICES) for q in families.QUESTIONS[:2])
    assert (model.logits(first) - model.logits(other))[0, 0, V:].abs().min() > 1e-4
    dark = replace(first, visual=255 - first.visual)
    assert (model.logits(dark) - model.logits(first))[0, 0, V:].abs().min() > 1e-4


def test_a_question_about_one_image_is_answered_as_without_pairs() -> None:
    plain, model = tiny_vilt.tiny(seed=4), tiny_vilt.of_all_kinds(seed=4)
    tokens = plain.question_tokens(families.QUESTIONS)
    alone = plain.logits(plain.batch(visual(plain, np.arange(3)), tokens))
    pairs = visual(model, np.arange(3), pairs=True)
    shown = model.logits(model.batch(pairs, tokens))
    assert torch.equal(shown[:, :, :V], alone) and (shown[:, :, V:] == ABSENT).all()
    beside = model.batch(pairs, tokens, pairs=np.array([False, True, False]))
    among = model.logits(beside)[:, :, :V]
    torch.testing.assert_close(among[[0, 2]], alone[[0, 2]], **CLOSE)
    assert (among[1] - alone[1]).abs().max() > 1e-3


def test_a_model_without_the_heads_is_what_it_was(tmp_path: Path) -> None:
    plain = tiny_vilt.tiny(seed=4)
    assert not plain.sees_pairs and not {"choices", "pairs"} & plain.describe().keys()
    assert not any("extra" in name for name, _ in plain.named_parameters())
    tokens = plain.question_tokens(families.QUESTIONS)
    assert plain.logits(plain.batch(visual(plain, np.arange(3)), tokens)).shape == (3, 1, V)
    model = tiny_vilt.of_all_kinds(seed=4)
    own = dict(model.named_parameters())
    for name, tensor in plain.named_parameters():
        same = own[name][: len(tensor)] if "token_type" in name else own[name]
        assert torch.equal(same, tensor), name
    table = model.net.vilt.embeddings.token_type_embeddings.weight
    assert torch.equal(table[1], table[2])


def test_losses_of_open_questions_are_sums_and_of_choices_cross_entropies(model: Vilt) -> None:
    batch = families.batch(model, NINE)
    assert batch.labels is not None and batch.answers is not None
    losses, logits = model.losses(batch).double(), model.logits(batch)[:, 0].double()
    for number in NINE.tolist():
        count = len(families.choices_of(number))
        if count:
            right = families.choices_of(number).index(families.ANSWERS[number % 4])
            expected = -logits[number, V : V + count].log_softmax(0)[right]
        else:
            scores, label = logits[number, :V].sigmoid(), batch.labels[number]
            expected = -(label * scores.log() + (1 - label) * (1 - scores).log()).sum()
        torch.testing.assert_close(losses[number], expected)
    torch.testing.assert_close(model.log_likelihoods(batch).double(), -losses)


def test_answers_are_the_texts_of_choices(model: Vilt) -> None:
    choices = [families.choices_of(number) for number in NINE.tolist()]
    questions = [families.QUESTIONS[number % 3] for number in NINE.tolist()]
    prompts = Prompts(model, questions, choices)
    numbers = [4, 0, 1]
    batch = prompts.batch(numbers, visual(model, np.array(numbers)))
    ids, totals = model.generate(batch, beams=1, length=1)
    logits = model.logits(batch)[:, 0]
    expected = [
        tiny_vilt.LIST[int(row[:V].argmax())] if not own else own[int(row[V:].argmax())]
        for row, own in zip(logits, (choices[number] for number in numbers), strict=True)
    ]
    assert prompts.texts(numbers, ids.tolist()) == expected
    torch.testing.assert_close(totals, logits.log_softmax(1).amax(1))


def test_what_is_beyond_the_positions_is_cut_from_the_question(model: Vilt) -> None:
    question = "what color is the left side " * 3
    rows = model.choice_tokens([question, "what color?", "left"], ["light blue", "red", question])
    ids = dict(zip(("light", "blue"), model.words.plain(["light blue"])[0], strict=True))
    assert len(rows[0]) == 12 and rows[0][-3:-1].tolist() == list(ids.values())
    (whole,) = model.prompt_tokens(["what color? red"])
    assert rows[1].tolist() == whole.tolist()
    assert len(rows[2]) == 12 and rows[2][1] == model.prompt_tokens(["what"])[0][1]


def test_more_choices_than_the_base_knows_are_refused(model: Vilt) -> None:
    with pytest.raises(UserError, match="a question has 4 choices; expected at most 3"):
        choosing(model, "what color?", [*CHOICES, "green"])


def test_choices_about_two_images_are_refused(model: Vilt) -> None:
    prompts = Prompts(model, ["what color?"], [CHOICES])
    with pytest.raises(UserError, match="choices and two images"):
        prompts.batch([0], visual(model, NINE[:1], pairs=True), np.array([True]))


def test_all_heads_are_trained_with_factors_and_adapters() -> None:
    model = tiny_vilt.of_all_kinds()
    model.adapt(tiny_vilt.config({"rank": 3}), 0)
    heads = set(model.heads())
    assert {name.split(".")[1] for name in heads} == {"classifier", "choice", "pair"}
    assert heads <= set(trained_names(model, "lora"))
    assert {model.part_of(name) for name in heads} == {"language"}
    parameters = trained_parameters(model, "lora")
    model.losses(families.batch(model, NINE)).sum().backward()
    found = {n: parameters.gradient[place] for n, place in parameters.slices().items()}
    assert all(found[name].any() for name in heads)


def test_a_base_folder_holds_the_heads(model: Vilt, tmp_path: Path) -> None:
    digest = write_base(tmp_path / "one", model)
    again, read = read_base(tmp_path / "one")
    assert isinstance(again, Vilt) and read == digest and again.describe() == model.describe()
    assert again.sees_pairs and again.classes.places == K
    batch = families.batch(model, NINE)
    assert torch.equal(again.eval().logits(batch), model.logits(batch))
    assert write_base(tmp_path / "two", again) == digest


def test_building_draws_heads_from_the_seed_alone() -> None:
    before = torch.get_rng_state()
    one, same, other = (tiny_vilt.of_all_kinds(seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    for name, tensor in one.extra_heads.named_parameters():
        assert torch.equal(tensor, same.extra_heads.get_parameter(name))
        drawn = tensor.dim() > 1
        assert torch.equal(tensor, other.extra_heads.get_parameter(name)) != drawn
    many = build(tiny_vilt.config(), tiny_model.words(), 0, [str(n) for n in range(1000)], 0, True)
    batch = many.batch(
        visual(many, NINE[:3], pairs=True),
        many.question_tokens(families.QUESTIONS),
        pairs=np.ones(3, bool),
    )
    assert 0.0002 < many.eval().logits(batch).sigmoid().mean() < 0.005


@pytest.mark.parametrize("seed", [0, 5])
def test_a_folder_with_a_head_for_vqa_gets_the_others(tmp_path: Path, seed: int) -> None:
    tiny_vilt.saved(tmp_path)
    words = read_words(tmp_path / "tokenizer.json")
    config = tiny_vilt.config()
    plain = from_folder(tmp_path, config, words, seed).eval()
    model = from_folder(tmp_path, config, words, seed, (), K, True).eval()
    again = from_folder(tmp_path, config, words, seed, (), K, True).eval()
    assert model.classes.texts == tiny_vilt.LIST and model.classes.places == K
    batch = families.batch(model, NINE)
    assert torch.equal(model.logits(batch), again.logits(batch))
    tokens = plain.question_tokens(families.QUESTIONS)
    alone = plain.logits(plain.batch(visual(plain, NINE[:3]), tokens))
    shown = model.logits(model.batch(visual(model, NINE[:3], pairs=True), tokens))
    assert torch.equal(shown[:, :, :V], alone)
