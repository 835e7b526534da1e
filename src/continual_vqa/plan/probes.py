"""The damage probe: a run's last model with one part as it was right after an earlier task."""

from __future__ import annotations

import json
from dataclasses import dataclass

from continual_vqa.config.guards import PartShares
from continual_vqa.files.hashing import short
from continual_vqa.plan.stages import Stage

PARTS = tuple(PartShares.model_fields)


@dataclass(frozen=True, eq=False)
class Probe:
    """The last stage of a run, and the part that is given back its earlier weights."""

    stage: Stage
    part: str

    @property
    def id(self) -> str:
        """Name of the probe, shared by runs that share all their stages."""
        # A last stage that started from the base may stand at the end of several pasts.
        identity = [*(past.id for past in self.stage.past), self.stage.id]
        return f"seed-{self.stage.seed}/{short(json.dumps(identity), 8)}-{self.part}"

    @property
    def cells(self) -> tuple[str, ...]:
        """The test cells of the earlier tasks."""
        tasks = {past.task for past in self.stage.past}
        return tuple(cell for cell in self.stage.test_cells if cell.split("/")[1] in tasks)


def probes_of(stages: tuple[Stage, ...]) -> tuple[Probe, ...]:
    """The probes of a run, one for each part; none where nothing was learned before."""
    return tuple(Probe(stages[-1], part) for part in PARTS) if stages[-1].past else ()
