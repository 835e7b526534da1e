"""The methods, one row each: kind of merge -> what makes its merged blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from continual_vqa.consolidation.merging import (
    average,
    dare,
    linear,
    magmax,
    running,
    task_arithmetic,
    ties,
)
from continual_vqa.consolidation.merging.stack import Stack, Step


@dataclass(frozen=True, slots=True)
class Method:
    """One kind of merge.

    Attributes
    ----------
    prepare : (tensor, config, number of tasks) -> what merges its blocks, called in their order
    needs_base : whether it merges differences to the base
    weights : (config, number of inputs, of tasks) -> the factor of each input, where the merge is a
        linear combination: the rest to 1 is the base's. None where it is not
    """

    prepare: Callable[[Stack, Any, int], Step]
    needs_base: bool
    weights: Callable[[Any, int, int], list[float]] | None = None


METHODS: dict[str, Method] = {
    "average": Method(average.prepare, False, average.weights),
    "running": Method(running.prepare, False, running.weights),
    "linear": Method(linear.prepare, False, linear.weights),
    "task_arithmetic": Method(task_arithmetic.prepare, True, task_arithmetic.weights),
    "ties": Method(ties.prepare, True),
    "dare": Method(dare.prepare, True),
    "magmax": Method(magmax.prepare, True),
}
