"""Where the model's visual input comes from: images or region features, opened by kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from continual_vqa.data.images import ImageRoot
from continual_vqa.data.regions import RegionFeatures


class PayloadSource(Protocol):
    """Images or region features of a root."""

    path: Path

    @property
    def extension(self) -> str:
        """Of a payload in a shard: `jpg` or `npy`."""
        ...

    def __enter__(self) -> PayloadSource: ...

    def __exit__(self, *_: object) -> None: ...

    def find(self, file_name: str) -> str | None:
        """The image path of an image's file name, or None."""
        ...

    def read(self, image_path: str) -> bytes:
        """The payload of an image path."""
        ...

    def examine(self, content: bytes, how: str) -> str:
        """What is wrong with a payload, or ""."""
        ...


_OPENERS: Mapping[str, Callable[[Path], PayloadSource]] = {
    "images": ImageRoot,
    "features": RegionFeatures,
}


def open_payload(payload: Mapping[str, str]) -> PayloadSource | None:
    """The source that `DataConfig.payload` describes; None when its path is empty.

    Raises
    ------
    UserError : the folder or file is missing or damaged
    """
    return _OPENERS[payload["kind"]](Path(payload["path"])) if payload["path"] else None


def open_source(path: Path) -> PayloadSource:
    """Images or region features, told apart by what is there: .tsv files are region features.

    Raises
    ------
    UserError : the folder or file is missing or damaged
    """
    tables = path.suffix == ".tsv" or (path.is_dir() and any(path.glob("*.tsv")))
    return _OPENERS["features" if tables else "images"](path)
