"""Every image that is asked about: found, read once, hashed and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa

from continual_vqa.data.images import SUFFIXES
from continual_vqa.data.payloads import PayloadSource, open_payload
from continual_vqa.data.problems import Problems
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

    @property
    def bad(self) -> tuple[str, ...]:
        """Names without a sound image."""
        return (*self.missing, *self.broken)


def survey_rows(
    raw: pa.Table, payload: Mapping[str, str], check: str, problems: Problems
) -> Survey | None:
    """The survey of the images that `raw` (columns of RAW) names; None without a source of images.

    Missing and broken images are added to `problems`. See `survey_images`.

    Raises
    ------
    UserError : the folder of the images is missing or damaged
    """
    source = open_payload(payload)
    if source is None:
        return None
    with source:
        named = (raw[name].unique().to_pylist() for name in ("image_name", "second_image_name"))
        names = sorted({name for column in named for name in column} - {""})
        survey = survey_images(source, names, check)
        problems.add("missing_images", source.path, survey.missing)
        broken = [f"{name} ({reason})" for name, reason in sorted(survey.broken.items())]
        problems.add("broken_images", source.path, broken)
    return survey


def survey_images(
    source: PayloadSource, names: Sequence[str], check: str, threads: int = 2
) -> Survey:
    """Read, hash and check the images of these names; .jpg is understood where they have no ending.

    Parameters
    ----------
    check : markers or decode; see `jpeg.CHECKS`
    """
    located = {
        name: source.find(name if name.lower().endswith(SUFFIXES) else f"{name}.jpg")
        for name in names
    }
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
