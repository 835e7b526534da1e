"""base + scale · mean over inputs of the differences, of which a random share is dropped.

Source: Yu et al., Language models are super Mario, ICML 2024: an entry is kept with chance
`density` and divided by it. The mean over inputs is this project's choice.

What is dropped depends on the seed, the tensor's name, the input's place and the entry's place in
the tensor alone: neither on the blocks that are read nor on the order of tensors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from continual_vqa.config.merge import DareMerge
from continual_vqa.consolidation.merging.dtypes import Floats
from continual_vqa.consolidation.merging.stack import Block, Stack, Step
from continual_vqa.consolidation.merging.task_arithmetic import added


def kept(
    seed: int, name: str, index: int, start: int, stop: int, density: float
) -> NDArray[np.bool_]:
    """Which of the entries `start` to `stop` of tensor `name` of input `index` are kept: (n,).

    Every entry has 32 random bits: half a number of a PCG64 generator of that tensor and input.
    """
    digest = hashlib.sha256(f"{seed}\0{index}\0{name}".encode()).digest()
    generator = np.random.PCG64(int.from_bytes(digest, "little"))
    generator.advance(start // 2)
    count = (stop + 1) // 2 - start // 2
    drawn = generator.random_raw(count).astype("<u8", copy=False).view("<u4")
    # At least 0: the smallest densities keep what draws 0.
    last = max(0, round(density * 2**32) - 1)
    return drawn[start % 2 :][: stop - start] <= np.uint32(last)


def rescaled(differences: Sequence[Floats], masks: Sequence[NDArray[np.bool_]]) -> Floats:
    """The sum of k differences (n,) where their masks (n,) are true."""
    total = differences[0] * masks[0]
    for difference, mask in zip(differences[1:], masks[1:], strict=True):
        total += difference * mask
    return total


def prepare(stack: Stack, config: DareMerge, tasks: int) -> Step:
    """Nothing has to be known beforehand."""

    def step(block: Block) -> Floats:
        assert block.base is not None
        stop = block.start + len(block.base)
        masks = [
            kept(config.seed, stack.name, index, block.start, stop, config.density)
            for index in range(len(block.inputs))
        ]
        factor = config.scale / config.density / len(masks)
        return added(block.base, rescaled(block.differences, masks), factor)

    return step
