"""The family against transformers' own T5, which is slow to import but the reference."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import tiny_model
from continual_vqa.backbones.base import parts
from continual_vqa.backbones.t5 import T5, initialise
from continual_vqa.backbones.t5_attention import bucket
from continual_vqa.backbones.t5_layers import T5Shape
from tiny_model import inputs, reference

VISIONS = [tiny_model.PATCHES, tiny_model.REGIONS]


@pytest.mark.parametrize("vision", VISIONS, ids=lambda vision: vision.kind)
def test_every_parameter_has_a_part_and_gets_a_gradient(vision) -> None:
    model = tiny_model.tiny(vision)
    losses = model.losses(inputs(model))
    assert losses.shape == (2,)
    losses.sum().backward()
    gradients = {name: p.grad for name, p in model.named_parameters()}
    assert all(g is not None and g.abs().sum() > 0 for g in gradients.values())
    assert set(parts(model)) == set(gradients)
    assert set(parts(model).values()) == {"vision", "language"}
    assert model.part_of("text.shared.weight") == "language"
    assert all(part == "vision" for name, part in parts(model).items() if "visual" in name)


def test_the_token_embedding_is_one_parameter() -> None:
    names = [name for name, p in tiny_model.tiny().named_parameters() if "shared" in name]
    assert names == ["text.shared.weight"]
    assert "lm_head" not in str(sorted(dict(tiny_model.tiny().named_parameters())))


@pytest.mark.parametrize("vision", VISIONS, ids=lambda vision: vision.kind)
def test_the_image_changes_the_answer_and_padding_does_not(vision) -> None:
    model = tiny_model.tiny(vision).eval()
    both = inputs(model)
    losses = model.losses(both)
    alone = model.batch(
        both.visual[1:].numpy(),
        model.question_tokens(["what color?"]),
        model.words.encode(["light blue"]),
    )
    assert alone.questions.shape[1] < both.questions.shape[1]
    torch.testing.assert_close(model.losses(alone), losses[1:])
    other = model.batch(
        np.ascontiguousarray(both.visual.numpy()[::-1]),
        model.question_tokens(["what color is the left side?", "what color?"]),
        model.words.encode(["red", "light blue"]),
    )
    assert (model.losses(other) - losses).abs().min() > 1e-6


def test_the_loss_is_the_mean_over_the_answers_tokens() -> None:
    model = tiny_model.tiny().eval()
    batch = inputs(model)
    logs = model.logits(batch).log_softmax(-1)
    answers = batch.answers
    assert answers is not None
    expected = []
    for row, tokens in zip(logs, answers.tolist(), strict=True):
        real = [token for token in tokens if token != model.words.pad]
        assert real[-1] == model.words.end
        expected.append(-sum(row[i, t].item() for i, t in enumerate(real)) / len(real))
    assert [len(set(answers[i].tolist())) for i in (0, 1)] == [3, 3]  # end, then padding
    np.testing.assert_allclose(model.losses(batch).tolist(), expected, rtol=1e-5)


def test_building_is_a_function_of_the_seed() -> None:
    one, same, other = (tiny_model.tiny(seed=seed) for seed in (1, 1, 2))
    pairs = zip(one.parameters(), same.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(one.text.shared.weight, other.text.shared.weight)


def test_bf16_autocast_stays_near_fp32() -> None:
    model = tiny_model.tiny()
    exact = model.losses(inputs(model))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = model.losses(inputs(model))
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, exact, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("feed_forward", ["relu", "gated-gelu"])
def test_text_model_equals_transformers(feed_forward: str) -> None:
    shape = T5Shape(50, 32, 8, 3, 40, 2, 2, feed_forward)
    own = T5(shape).eval()
    initialise(own, torch.Generator().manual_seed(3))
    theirs = reference(shape)
    with torch.no_grad():
        for name, tensor in theirs.named_parameters():
            tensor.copy_(dict(own.named_parameters())[name])
    assert {n for n, _ in theirs.named_parameters()} == {n for n, _ in own.named_parameters()}
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(3, 50, (3, 40), generator=generator)
    mask = torch.ones(3, 40, dtype=torch.bool)
    mask[1, 20:] = False
    targets = torch.randint(3, 50, (3, 7), generator=generator)
    with torch.no_grad():
        expected = theirs(input_ids=tokens, attention_mask=mask.long(), decoder_input_ids=targets)
        memory = own.encode(own.shared(tokens), mask)
        logits = own.decode(targets, memory, mask)
    kept = expected.encoder_last_hidden_state[mask]
    torch.testing.assert_close(memory[mask], kept, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(logits, expected.logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("two_way", [True, False])
def test_buckets_equal_transformers(two_way: bool) -> None:
    from transformers.models.t5.modeling_t5 import T5Attention

    distance = torch.arange(-300, 301)
    expected = T5Attention._relative_position_bucket(distance, two_way, 32, 128)
    assert torch.equal(bucket(distance, 32, 128, two_way=two_way), expected)
