"""Every image that is asked about: found, read once, hashed and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from continual_vqa.data.payloads import PayloadSource
from continual_vqa.errors import UserError
from continual_vqa.files.hashing import sha256_bytes
from continual_vqa.files.progress import track

_BATCH = 256  # images in flight: bounds memory


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found of a set of images.

    Attributes
    ----------
    path, sha256 : image name -> image path, and hex SHA-256 of the payload
    missing : names without a file
    broken : name -> what is wrong
    """

    path: Mapping[str, str]
    sha256: Mapping[str, str]
    missing: tuple[str, ...]
    broken: Mapping[str, str]


def survey_images(
    source: PayloadSource, names: Sequence[str], check: str, threads: int = 2
) -> Survey:
    """Read, hash and check the images of these names (without extension).

    Parameters
    ----------
    check : markers or decode; see `jpeg.CHECKS`
    """
    located = {name: source.find(f"{name}.jpg") for name in names}
    path = {name: found for name, found in located.items() if found is not None}
    sha256: dict[str, str] = {}
    broken: dict[str, str] = {}

    def look(name: str) -> tuple[str, str, str]:
        try:
            content = source.read(path[name])
        except UserError as error:
            return name, "", error.what
        return name, sha256_bytes(content), source.examine(content, check)

    with ThreadPoolExecutor(threads) as pool:
        looked = (
            result
            for start in range(0, len(path), _BATCH)
            for result in pool.map(look, list(path)[start : start + _BATCH])
        )
        for name, digest, reason in track(looked, len(path), "checking images"):
            sha256[name] = digest
            if reason:
                broken[name] = reason
    missing = tuple(name for name, found in located.items() if found is None)
    return Survey(path, sha256, missing, broken)
