"""Importance files as vectors over the trained entries."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from continual_vqa.config.importance import ImportanceConfig
from continual_vqa.consolidation.importance_file import DIRECTION
from continual_vqa.consolidation.task_importance import TaskImportance
from continual_vqa.errors import UserError
from continual_vqa.files.tensors import ArrayFile
from continual_vqa.methods.fitting import check_base, check_tensors
from continual_vqa.methods.parameters import FlatParameters


def measured(
    paths: Sequence[Path], settings: ImportanceConfig, base_sha256: str
) -> list[TaskImportance]:
    """The files of `paths` that were measured with `settings`, in the order of their steps.

    Raises
    ------
    UserError : damaged, partial or foreign files; no file with these settings; or two of one step
    """
    wanted = settings.model_dump(mode="json")
    own = [task for task in map(TaskImportance, paths) if task.settings == wanted]
    own.sort(key=lambda task: task.step)
    if not own:
        raise UserError(
            f"none of {len(paths)} files was measured with {settings.model_dump_json()}",
            where="--importance",
            expected="one file for every earlier stage",
        )
    for task in own:
        check_base(task.path, task.metadata, base_sha256)
    for one, two in pairwise(own):
        if one.step == two.step:
            raise UserError(
                f"was measured after step {two.step}, like {one.path}",
                where=two.path,
                expected="one file for every earlier stage",
            )
    return own


def mean_importance(task: TaskImportance, parameters: FlatParameters) -> Tensor:
    """The mean importance (n,) over the samples, in the order and on the device of the vector.

    Raises
    ------
    UserError : its tensors are not the trained ones
    """
    return _mean(task, parameters, "")


def mean_gradient(task: TaskImportance, parameters: FlatParameters) -> Tensor:
    """The mean gradient (n,) of the task's loss, in the order and on the device of the vector.

    Raises
    ------
    UserError : it was not kept, is not finite, or its tensors are not the trained ones
    """
    mean = _mean(task, parameters, DIRECTION)
    if not torch.isfinite(mean).all():
        raise UserError(
            "holds a gradient that is not finite",
            where=task.path,
            do="measure it again with importance.precision fp32",
        )
    return mean


def _mean(task: TaskImportance, parameters: FlatParameters, prefix: str) -> Tensor:
    sums = ArrayFile(task.path)
    shapes = {
        name: info.shape
        for name, info in sums.infos.items()
        if name.startswith(DIRECTION) == bool(prefix)
    }
    check_tensors(task.path, shapes, parameters, prefix)
    mean = torch.empty_like(parameters.values)
    # One tensor at a time: a file can be as large as the model.
    for name, place in parameters.slices().items():
        mean[place] = torch.from_numpy(sums[prefix + name].ravel() / task.count)
    return mean
