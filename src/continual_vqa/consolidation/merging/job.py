"""What is merged, how, and what the merged file says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from continual_vqa.config.merge import MergeConfig
from continual_vqa.errors import UserError


@dataclass(frozen=True)
class MergeJob:
    """One merge.

    Attributes
    ----------
    base : model.safetensors of the base
    models : stage checkpoints; of a pair the one deployed before, then the one trained now. One
        alone where nothing was deployed before
    config : how they are merged
    tasks : how many tasks were learned, the last one included
    labels : header entries of the merged file (stage, task, step, recipe); default: the last
        model's
    full : count conflicts, norms and cosines; reads the base, which not every kind needs
    checksums : put the SHA-256 of the models into header and report; it costs one more read
    """

    base: Path
    models: Sequence[Path]
    config: MergeConfig
    tasks: int
    labels: Mapping[str, str] = field(default_factory=dict)
    full: bool = True
    checksums: bool = True

    def check(self) -> None:
        """Raises `UserError` for more than two models of a pair."""
        if self.config.of == "pair" and len(self.models) > 2:
            raise UserError(
                f"{len(self.models)} models for a merge of a pair",
                where="--models",
                expected="the model deployed before and the one trained now",
                do="give two models, or merge with of: all",
            )

    def described(self) -> dict[str, Any]:
        """The configuration as JSON."""
        return self.config.model_dump(mode="json")
