"""Base folders: config.json + tokenizer.json + model.safetensors.

The header of the tensors holds the hash of the other two and of all tensors (`base_sha256`): the
name by which stage checkpoints know the base they belong to.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from continual_vqa.backbones.base import Backbone, parts
from continual_vqa.backbones.claims import check_claims
from continual_vqa.backbones.families import family
from continual_vqa.backbones.tensor_file import load_into, raw_bytes, read_tensors, write_tensors
from continual_vqa.backbones.tokens import read_words
from continual_vqa.errors import UserError
from continual_vqa.files.atomic import atomic_folder
from continual_vqa.files.hashing import sha256_bytes, sha256_file
from continual_vqa.files.jsons import read_json
from continual_vqa.files.tensors import read_header

FORMAT = "continual-vqa base 1"
CONFIG, TOKENIZER, WEIGHTS = "config.json", "tokenizer.json", "model.safetensors"
_SHA256 = re.compile("[0-9a-f]{64}")


def write_base(folder: str | Path, model: Backbone) -> str:
    """Write `model` as a base folder, atomically; returns its `base_sha256`."""
    config = {"format": FORMAT, "family": model.family, **model.describe()}
    config_bytes = (json.dumps(config, indent=2, sort_keys=True) + "\n").encode()
    tokenizer_bytes = model.words.content.encode()
    tensors = dict(model.named_parameters())
    metadata = {
        "format": FORMAT,
        "config_sha256": sha256_bytes(config_bytes),
        "tokenizer_sha256": sha256_bytes(tokenizer_bytes),
        "parts": json.dumps(parts(model), sort_keys=True),
    }
    metadata["base_sha256"] = _hash(metadata, tensors)
    with atomic_folder(folder) as temporary:
        (temporary / CONFIG).write_bytes(config_bytes)
        (temporary / TOKENIZER).write_bytes(tokenizer_bytes)
        write_tensors(temporary / WEIGHTS, tensors, metadata)
    return metadata["base_sha256"]


def is_base(folder: str | Path) -> bool:
    """Whether `folder` is a base folder of this project (and not a Hugging Face one)."""
    config = read_json(Path(folder) / CONFIG)
    return isinstance(config, dict) and config.get("format") == FORMAT


def read_base(folder: str | Path) -> tuple[Backbone, str]:
    """The model in a base folder and its `base_sha256`.

    Raises
    ------
    UserError : a file is missing or damaged, the three do not belong together, or names differ
    """
    folder = Path(folder)
    config = read_json(folder / CONFIG)
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise UserError(
            "is not a base folder of this project",
            where=folder,
            expected=f"config.json with format {FORMAT!r}",
            do="make one from a Hugging Face folder: continual-vqa pretrain, backbone.folder",
        )
    metadata, tensors = read_tensors(folder / WEIGHTS)
    for name in (CONFIG, TOKENIZER):
        if sha256_file(folder / name) != metadata.get(name.replace(".json", "_sha256")):
            raise UserError(
                f"{name} does not belong to {WEIGHTS}",
                where=folder / name,
                expected="the file that was written with the weights",
                do="delete the folder and make it again (the workflow does if it is missing)",
            )
    if not _summed(folder / WEIGHTS) and metadata.get("base_sha256") != _hash(metadata, tensors):
        raise UserError(
            "its tensors are not those that were written",
            where=folder / WEIGHTS,
            expected="tensors with the hash that its header names",
            do="delete the folder and make it again (the workflow does if it is missing)",
        )
    words = read_words(folder / TOKENIZER)
    own = family(str(config.get("family")), folder / CONFIG)
    infos = read_header(folder / WEIGHTS)[1]
    check_claims(config, infos, lambda: own.rebuild(config, words), folder / CONFIG)
    model = own.rebuild(config, words)
    load_into(dict(model.named_parameters()), tensors, folder / WEIGHTS)
    if not _SHA256.fullmatch(metadata.get("base_sha256", "")):
        raise UserError("has no base_sha256", where=folder / WEIGHTS, do="make the base again")
    return model, metadata["base_sha256"]


def _hash(metadata: Mapping[str, str], tensors: Mapping[str, Tensor]) -> str:
    """The name of a base: the SHA-256 of its other metadata and of all tensors."""
    others = {key: value for key, value in metadata.items() if key != "base_sha256"}
    digest = hashlib.sha256(json.dumps(others, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(raw_bytes(tensor))
    return digest.hexdigest()


def _summed(path: Path) -> bool:
    """Whether the file has checksums, which were compared when it was read."""
    return all(info.crc32 is not None for info in read_header(path)[1].values())
