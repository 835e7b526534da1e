"""The damage probe: a run's last model with one part as it was right after an earlier task."""

from __future__ import annotations

import json
from dataclasses import dataclass

from continual_vqa.config.guards import PartShares
from continual_vqa.config.tasks import belongs
from continual_vqa.files.hashing import short
from continual_vqa.plan.answers import Answers
from continual_vqa.plan.stages import Weights

PARTS = tuple(PartShares.model_fields)


@dataclass(frozen=True, eq=False)
class Probe:
    """The last weights of a run, and the part that is given back its values after each of `past`.

    `tests` are the cells that the last weights are tested on.
    """

    last: Weights
    past: tuple[Weights, ...]
    tests: tuple[str, ...]
    part: str

    @property
    def id(self) -> str:
        """Name of the probe, shared by runs that deploy the same weights."""
        # The last weights may stand at the end of several pasts.
        identity = [*(weights.id for weights in self.past), self.last.id]
        return f"seed-{self.last.stage.seed}/{short(json.dumps(identity), 8)}-{self.part}"

    @property
    def cells(self) -> tuple[str, ...]:
        """The test cells of the earlier tasks."""
        tasks = [weights.stage.task for weights in self.past]
        return tuple(cell for cell in self.tests if any(belongs(cell, task) for task in tasks))


def probes_of(answers: tuple[tuple[Answers, ...], ...]) -> tuple[Probe, ...]:
    """The probes of a run, one for each part; none where nothing was learned before."""
    deployed = [one for (one,) in answers]
    last, past = deployed[-1], tuple(each.weights for each in deployed[:-1])
    return tuple(Probe(last.weights, past, last.cells, part) for part in PARTS) if past else ()
