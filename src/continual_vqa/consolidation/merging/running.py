"""The running mean over tasks: 1 - 1/t of the deployed weights and 1/t of those trained now.

Repeated after every task it is the average of all trained weights, from two files at a time.
"""

from __future__ import annotations

from continual_vqa.config.merge import RunningMerge
from continual_vqa.consolidation.merging.linear import interpolate
from continual_vqa.consolidation.merging.stack import Stack, Step


def prepare(stack: Stack, config: RunningMerge, tasks: int) -> Step:
    """`tasks`: t, this one included."""
    return lambda block: interpolate(block.inputs[0], block.inputs[-1], 1 / tasks)


def weights(config: RunningMerge, count: int, tasks: int) -> list[float]:
    """The factor of each input."""
    return [1 - 1 / tasks, 1 / tasks] if count > 1 else [1.0]
