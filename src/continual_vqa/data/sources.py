"""The published addresses of the official files (config/sources.yaml), and what was fetched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError, field_validator

from continual_vqa.config.block import Block
from continual_vqa.config.places import SOURCES
from continual_vqa.errors import UserError
from continual_vqa.files.atomic import write_text
from continual_vqa.files.jsons import read_json
from continual_vqa.files.yamls import read_yaml

LEDGER = "downloads.json"


class Source(Block):
    """One file that can be fetched."""

    file: Annotated[str, Field(min_length=1, description="Name below the chosen folder.")]
    url: Annotated[str, Field(pattern=r"^https?://", description="Official address.")]
    size: Annotated[int | None, Field(ge=0, description="Bytes; null: not known.")] = None
    sha256: Annotated[
        str | None, Field(pattern=r"^[0-9a-f]{64}$", description="Hex; null: not known.")
    ] = None

    @field_validator("file")
    @classmethod
    def _below(cls, name: str) -> str:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError("leaves the folder")
        return name


def read_sources(path: str | Path = SOURCES) -> Mapping[str, tuple[Source, ...]]:
    """Dataset -> its files.

    Raises
    ------
    UserError : the file is missing, no YAML, or has a wrong entry
    """
    content = read_yaml(path)
    try:
        return TypeAdapter(dict[str, tuple[Source, ...]]).validate_python(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(f"{place}: {first['msg']}", where=path) from None


class Ledger:
    """What earlier downloads into a folder found: file -> size and SHA-256."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / LEDGER
        self._entries: dict[str, dict[str, object]] = {}
        if self.path.exists():
            content = read_json(self.path)
            try:
                seen = TypeAdapter(dict[str, Source]).validate_python(content)
            except ValidationError as error:
                first = error.errors(include_url=False)[0]
                what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")
                raise UserError(
                    f"is no ledger of downloads: {what[:200]}", where=self.path, do="remove it"
                ) from None
            self._entries = {name: source.model_dump() for name, source in seen.items()}

    def expected(self, source: Source) -> Source:
        """`source` with the size and checksum seen earlier, where it has none of its own."""
        seen = self._entries.get(source.file, {})
        if seen.get("url") != source.url:
            return source
        known = {key: value for key, value in source.model_dump().items() if value is not None}
        return Source.model_validate({**seen, **known})

    def record(self, source: Source, size: int, sha256: str) -> None:
        """Keep what a finished download found."""
        entry = {"file": source.file, "url": source.url, "size": size, "sha256": sha256}
        self._entries[source.file] = entry
        write_text(self.path, json.dumps(self._entries, indent=1, sort_keys=True) + "\n")
