"""Mask files as one vector of the trained entries, refused unless they fit."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor

from continual_vqa.config.guards import MaskGuard
from continual_vqa.consolidation.mask_file import read_mask
from continual_vqa.errors import UserError
from continual_vqa.files.jsons import parse_text
from continual_vqa.methods.fitting import check_base, check_tensors
from continual_vqa.methods.parameters import FlatParameters


def protected_entries(
    path: Path, config: MaskGuard, parameters: FlatParameters, base_sha256: str
) -> Tensor:
    """Which entries of the trained vector the mask protects: (n,) bool, on the CPU.

    Raises
    ------
    UserError : a mask of another base or other settings, or its names and shapes are not those of
        the trained tensors
    """
    header, masks = read_mask(path)
    check_base(path, header, base_sha256)
    wanted = config.choosing()
    if parse_text(header.get("settings", "null"), path) != wanted:
        raise UserError(
            f"was made with {header.get('settings', 'no settings')[:200]}",
            where=path,
            expected=json.dumps(wanted, sort_keys=True),
            do="give the masks in the order of the recipe's mask guards",
        )
    check_tensors(path, {name: mask.shape for name, mask in masks.items()}, parameters)
    return torch.cat([torch.from_numpy(masks[name]).flatten() for name in parameters.names])
