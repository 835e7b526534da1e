"""The distance of attention: none to itself, felt only by batches of the memory."""

from __future__ import annotations

from dataclasses import replace

import torch

import tiny_model
from continual_vqa.methods.attention import Attention, distance


def test_the_distance_is_between_none_and_two() -> None:
    left = torch.tensor([1.0, 0.0]).expand(1, 1, 3, 2)
    right = left.flip(-1)
    assert distance([left], [left]).item() == 0
    assert distance([left], [right]).item() == 2
    assert distance([left, left], [left, right]).item() == 1


def test_only_batches_of_the_memory_are_held_to_the_teacher() -> None:
    model, other = tiny_model.tiny(seed=0), tiny_model.tiny(seed=1)
    batch = tiny_model.inputs(model)

    def cost(teacher: int, *, replayed: bool, share: float = 1.0) -> float:
        guard = Attention(0.5, other if teacher else tiny_model.tiny(seed=0))
        seen = replace(batch, replayed=replayed)
        with guard.around(seen):
            logits = model.logits(seen)
        return guard.on_loss(torch.zeros(()), logits, seen, share).item()

    assert cost(1, replayed=False) == 0
    assert cost(0, replayed=True) == 0
    assert cost(1, replayed=True) > 0
    assert cost(1, replayed=True, share=0.5) == cost(1, replayed=True) / 2
