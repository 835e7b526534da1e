"""Importance files as vectors over the trained entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from continual_vqa.config.importance import ImportanceConfig
from continual_vqa.errors import UserError
from continual_vqa.files.tensors import ArrayFile
from continual_vqa.methods.fitting import check_base, check_tensors
from continual_vqa.methods.parameters import FlatParameters

FORMAT = "continual-vqa importance 1"
DIRECTION = "direction:"


@dataclass(frozen=True, slots=True)
class Importance:
    """An importance file whose header has been read.

    Attributes
    ----------
    sums : the file, whose tensors are sums over samples
    step : of the stage after which it was measured
    count : samples summed over
    settings : of the measurement
    """

    sums: ArrayFile
    step: int
    count: int
    settings: ImportanceConfig

    def mean(self, parameters: FlatParameters, prefix: str = "") -> Tensor:
        """The mean over the samples (n,) in the order and on the device of the vector.

        With prefix `DIRECTION`: the mean gradient of the loss.

        Raises
        ------
        UserError : tensors that are not the trained ones, or values that are no numbers
        """
        shapes = {
            name: info.shape
            for name, info in self.sums.infos.items()
            if name.startswith(DIRECTION) == bool(prefix)
        }
        check_tensors(self.sums.path, shapes, parameters, prefix)
        mean = torch.empty_like(parameters.values)
        # One tensor at a time: a file can be as large as the model.
        for name, place in parameters.slices().items():
            mean[place] = torch.from_numpy(self.sums[prefix + name].ravel() / self.count)
        if not torch.isfinite(mean).all():
            raise UserError(
                "holds values that are not finite",
                where=self.sums.path,
                do="measure it again with importance.precision fp32",
            )
        return mean


def measured(
    paths: Sequence[Path], settings: ImportanceConfig, base_sha256: str
) -> list[Importance]:
    """The files of `paths` that were measured with `settings`, in the order of their steps.

    Raises
    ------
    UserError : damaged, partial or foreign files; no file with these settings; or two of one step
    """
    read = [_read(path, base_sha256) for path in paths]
    own = sorted((file for file in read if file.settings == settings), key=lambda f: f.step)
    if not own:
        raise UserError(
            f"none of {len(read)} files was measured with {settings.model_dump_json()}",
            where="--importance",
            expected="one file for every earlier stage",
        )
    for one, two in pairwise(own):
        if one.step == two.step:
            raise UserError(
                f"was measured after step {two.step}, like {one.sums.path}",
                where=two.sums.path,
                expected="one file for every earlier stage",
            )
    return own


def _read(path: Path, base_sha256: str) -> Importance:
    sums = ArrayFile(path)
    header = sums.metadata
    if header.get("format") != FORMAT:
        raise UserError(
            f"has format {header.get('format')!r}",
            where=path,
            expected=f"{FORMAT!r}, as `continual-vqa importance` writes it",
        )
    if header.get("world", "1") != "1":
        raise UserError(
            f"is part {header.get('rank')} of {header['world']}",
            where=path,
            expected="the importance over all samples",
            do="add the parts with `continual-vqa importance-merge`",
        )
    check_base(path, header, base_sha256)
    try:
        settings = ImportanceConfig.model_validate_json(header["settings"])
        step, count = int(header["step"]), int(header["count"])
    except (KeyError, ValueError) as error:
        raise UserError("the header is incomplete or unreadable", where=path) from error
    if count < 1 or any(info.dtype != "F32" for info in sums.infos.values()):
        raise UserError(
            "holds no sums over samples", where=path, expected="count of 1 or more, dtype F32"
        )
    return Importance(sums, step, count, settings)
