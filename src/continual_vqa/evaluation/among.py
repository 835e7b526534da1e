"""One of several models for each question: those of the tasks that its routes name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from continual_vqa.backbones.base import Backbone
from continual_vqa.errors import UserError
from continual_vqa.files.tensors import read_header
from continual_vqa.training.loading import load_model


def chosen_models(
    base: Path,
    among: Mapping[str, Path],
    stack: Sequence[Path],
    routes: Mapping[str, np.ndarray],
    device: torch.device,
) -> Iterator[tuple[Backbone, np.ndarray]]:
    """The model of each task in `routes` with the numbers of its questions, loaded one by one.

    Parameters
    ----------
    base : folder of the base model
    among : task -> checkpoint of the stage that learned it
    stack : checkpoints that lie below a model, as far as they are not its own
    routes : task -> numbers of its questions

    Raises
    ------
    UserError : a task without a model, or with another task's; all are looked at before any is
        loaded. See also `load_model`
    """
    for task in routes:
        if task not in among:
            raise UserError(
                f"the routes lead to task {task!r}, which has no model",
                where="--among",
                expected=f"{task}=FILE beside {', '.join(among)}",
                do="give the checkpoints of all tasks whose words the questions were routed by",
            )
        learned = read_header(among[task])[0].get("task", "")
        if learned != task:
            raise UserError(
                f"learned task {learned!r}", where=among[task], expected=f"{task!r}, as --among has"
            )
    return (
        (load_model(base, among[task], device, stack=[p for p in stack if p != among[task]])[0], n)
        for task, n in routes.items()
    )
