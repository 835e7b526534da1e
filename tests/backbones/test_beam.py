from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch

import tiny_model
from continual_vqa.backbones.beam import beam_search
from continual_vqa.backbones.t5 import T5, initialise
from continual_vqa.backbones.t5_layers import T5Shape
from tiny_model import inputs, reference

END = 1


class Table:
    """A decoder whose logits depend on all tokens so far, through a random table."""

    def __init__(self, samples: int, beams: int, vocabulary: int, seed: int) -> None:
        self.vocabulary = vocabulary
        self.seed = seed
        self.past = torch.zeros(samples * beams, 0, dtype=torch.long)
        self.samples, self.beams = samples, beams

    def logits(self, sample: int, past: tuple[int, ...]) -> torch.Tensor:
        key = hash((self.seed, sample, past)) % 2**31
        return 2 * torch.randn(self.vocabulary, generator=torch.Generator().manual_seed(key))

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        self.past = torch.cat([self.past, tokens.flatten()[:, None]], 1)
        rows = [
            self.logits(row // self.beams, tuple(past))
            for row, past in enumerate(self.past.tolist())
        ]
        return torch.stack(rows).view(self.samples, self.beams, -1)

    def reorder(self, rows: torch.Tensor) -> None:
        self.past = self.past[rows]


def search(table: Table, length: int):
    return beam_search(
        table.step,
        table.reorder,
        table.samples,
        beams=table.beams,
        length=length,
        start=0,
        end=END,
        device=torch.device("cpu"),
    )


@pytest.mark.parametrize("seed", range(5))
def test_a_wide_beam_finds_the_best_answer_of_all(seed: int) -> None:
    vocabulary, length, samples = 3, 3, 2
    beams = vocabulary**length  # nothing is ever cut
    table = Table(samples, beams, vocabulary, seed)
    tokens, totals = search(table, length)
    for sample in range(samples):
        best = max(
            (
                answer
                for size in range(1, length + 1)
                for answer in itertools.product(range(vocabulary), repeat=size)
                if END not in answer[:-1] and (answer[-1] == END or size == length)
            ),
            key=lambda answer: total(table, sample, answer) / len(answer),
        )
        assert tokens[sample].tolist()[: len(best)] == list(best)
        assert totals[sample].item() == pytest.approx(total(table, sample, best), abs=1e-4)


def total(table: Table, sample: int, answer: tuple[int, ...]) -> float:
    past, out = (0,), 0.0
    for token in answer:
        out += table.logits(sample, past).log_softmax(-1)[token].item()
        past = (*past, token)
    return out


@pytest.mark.parametrize("beams", [1, 2, 5])
@pytest.mark.parametrize("length", [2, 6])
def test_equals_generate_of_transformers(beams: int, length: int) -> None:
    often = 4
    shape = T5Shape(12, 16, 8, 2, 20, 2, 2)
    own = T5(shape).eval()
    initialise(own, torch.Generator().manual_seed(5))
    with torch.no_grad():
        # An untrained model repeats its last token; this one says `often` sooner or later.
        for name, tensor in own.named_parameters():
            tensor.mul_(0.5 if name == "shared.weight" else 2.5)
    theirs = reference(shape)
    theirs.load_state_dict(own.state_dict(), strict=False)
    assert theirs.lm_head.weight.data_ptr() == theirs.shared.weight.data_ptr()
    tokens = torch.randint(3, 12, (40, 6), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(tokens, dtype=torch.bool)
    expected = theirs.generate(
        input_ids=tokens,
        attention_mask=mask.long(),
        num_beams=beams,
        max_new_tokens=length,
        do_sample=False,
        early_stopping=False,
        eos_token_id=often,
        length_penalty=1.0,
    )[:, 1:]
    with torch.inference_mode():
        state = own.begin(own.encode(own.shared(tokens), mask), mask)
        found, _ = beam_search(
            lambda last: own.step(state, last),
            lambda rows: own.reorder(state, rows),
            len(tokens),
            beams=beams,
            length=length,
            start=0,
            end=often,
            device=tokens.device,
        )
    lengths = set()
    for ours, reference_row in zip(found.tolist(), expected.tolist(), strict=True):
        assert cut(ours, often) == cut(reference_row, often)
        lengths.add(len(cut(ours, often)))
    assert length == 2 or len(lengths) > 1


def cut(row: list[int], end: int) -> list[int]:
    return row[: row.index(end)] if end in row else row


def test_the_score_is_the_log_probability_of_the_answer() -> None:
    model = tiny_model.tiny().eval()
    batch = inputs(model)
    tokens, totals = model.generate(batch, beams=3, length=4)
    logs = model.logits(replace(batch, answers=tokens)).log_softmax(-1)
    for row, ids, score in zip(logs, tokens.tolist(), totals.tolist(), strict=True):
        answer = ids[: ids.index(END) + 1] if END in ids else ids
        expected = sum(row[place, token].item() for place, token in enumerate(answer))
        assert score == pytest.approx(expected, abs=1e-4)
