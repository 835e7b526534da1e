"""Whether a base's weights are those that its header names: `base_sha256` computed again.

The hash is over the other metadata and all tensors, as the base was written with it
(`backbones.folder.write_base`).
"""

from __future__ import annotations

import hashlib
import json

import numpy as np

from continual_vqa.consolidation.merging.models import Model
from continual_vqa.errors import UserError, naming

# How a base names the dtypes in its hash.
_NAMES = {
    "F64": "torch.float64",
    "F32": "torch.float32",
    "F16": "torch.float16",
    "BF16": "torch.bfloat16",
    "I64": "torch.int64",
    "I32": "torch.int32",
    "U8": "torch.uint8",
    "BOOL": "torch.bool",
}
_PIECE = 1 << 22  # bytes mapped at once


def base_sha256(base: Model) -> str:
    """The hash of the base as it lies on the disk."""
    metadata = {key: value for key, value in base.metadata.items() if key != "base_sha256"}
    digest = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name, info in sorted(base.infos.items()):
        digest.update(f"{name} {_NAMES.get(info.dtype, info.dtype)} {info.shape}".encode())
        with naming(base.path, "read"):
            for begin in range(info.begin, info.end, _PIECE):
                size = min(_PIECE, info.end - begin)
                digest.update(np.memmap(base.path, np.uint8, "r", begin, (size,)).data)
    return digest.hexdigest()


def check_base(base: Model) -> None:
    """Refuse a base whose tensors are not those it was written with.

    Raises
    ------
    UserError : another hash than the header's
    """
    found, named = base_sha256(base), base.metadata.get("base_sha256", "")
    if found != named:
        raise UserError(
            f"its tensors have hash {found[:12]}, its header says {named[:12]}",
            where=base.path,
            expected="the base as it was written",
            do="delete it and run the workflow again: it will be made anew",
        )
